"""From the options of `demo` and `run` to a study on the screen."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from querist.cli.output import DONE, FAILED, emit, note


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
    from querist.bench.study import run_study
    from querist.bench.tables import table
    from querist.bench.wording import sentence

    here = str(Path.cwd())
    if here not in sys.path:  # strategies of one's own are imported from here, by the workers too
        sys.path.insert(0, here)
    given = {key: value for key, value in wishes.items() if value is not None}
    if source is not None and source.endswith(".toml"):
        spec = StudySpec.from_toml(Path(source), **given)
    else:
        spec = StudySpec.of({**given, **({"dataset": source} if source else {})})
    folder = Path(out or f"querist-{spec.title}")
    with progress(spec) as watching:
        done = run_study(spec, folder, emit=watching, command=shlex.join(["querist", *sys.argv[1:]]))
    emit(done.model_dump(mode="json"), Group(table(done), sentence(done), f"Report: {done.report}"))
    for failure in done.failures:
        note(f"error: {failure.method} seed {failure.seed} failed: {failure.error}")
    return FAILED if done.failures else DONE
