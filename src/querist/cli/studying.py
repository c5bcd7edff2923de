"""From the options of `demo` and `run` to a study on the screen."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from querist.cli.output import DONE, FAILED, emit, note
from querist.core import catalogue
from querist.core.spec import build

if TYPE_CHECKING:
    from querist.bench.spec import StudySpec


def study(wishes: Mapping[str, Any], source: str | None, out: str | None) -> int:
    """Run a study with progress on stderr, and print its table and sentence.

    Args:
        wishes: Settings of a `StudySpec`; None is no setting.
        source: Data set or TOML file, or None if the wishes name the data set.
        out: Its folder.

    Returns:
        The exit code: 1 if a run failed.
    """
    from rich.console import Group

    from querist.bench.progress import progress
    from querist.bench.spec import StudySpec
    from querist.bench.study import run_study, unfinished
    from querist.bench.tables import table
    from querist.bench.wording import sentence

    given = {key: value for key, value in wishes.items() if value is not None}
    if source is not None and source.endswith(".toml"):
        spec = StudySpec.from_toml(Path(source), **given)
    else:
        spec = StudySpec.of({**given, **({"dataset": source} if source else {})})
    check_names(spec)
    folder = Path(out or f"querist-{spec.title}")
    before = set(spec.runs()) - set(unfinished(spec, folder))
    if before:
        note(f"{len(before)} of {len(spec.runs())} runs were finished before")
    with progress(spec, before=before) as watching:
        done = run_study(spec, folder, emit=watching, command=shlex.join(["querist", *sys.argv[1:]]))
    emit(done.model_dump(mode="json"), Group(table(done), sentence(done), f"Report: {done.report}"))
    for failure in done.failures[:2]:
        note(f"{failure.method} seed {failure.seed}: {failure.error}")
    if done.failures:
        note(f"error: {len(done.failures)} of {len(spec.runs())} runs failed; the report lists them, {folder / 'logs'} shows where")
    return FAILED if done.failures else DONE


def check_names(spec: StudySpec) -> None:
    """Names are looked up before the work starts.

    Raises:
        UsageError: for the first that is unknown.
    """
    for method in spec.methods:
        catalogue.acquisition(spec.strategy(method))
        options = spec.learner_options(method)
        for kind in ("recipe", "refit", "scheme", "inference"):
            name = options.get(kind)
            if isinstance(name, str):
                build({"use": name}) if ":" in name else catalogue.row(name, kind)
