"""From the options of `tune`, `transfer` and `analyse` to results on the screen and in files."""

from __future__ import annotations

import json
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from querist.cli.output import emit, note, reporting
from querist.core import catalogue
from querist.core.contracts import Report
from querist.core.errors import UsageError

_EVERY = 20.0
"""Seconds between two lines where there is no terminal."""


def numbers(text: str | None) -> tuple[int, ...]:
    """`50,200` as numbers.

    Raises:
        UsageError: for anything else.
    """
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError as error:
        raise UsageError("these are no numbers of labels", got=text, wanted="for example 50,200") from error


def tuned(dataset: str, learner: Mapping[str, Any], asked: Mapping[str, Any], out: str | None) -> None:
    """Tune; write the learner table to `out`, provenance and trials beside it."""
    from rich.console import Group

    from querist.bench.exploring_tables import tuned_sentence, tuned_table
    from querist.bench.runs import write_atomically
    from querist.bench.tuning import Request, toml, tune

    wishes = _given(learner)
    file = Path(out or f"tuned-{dataset}{'-' + wishes['recipe'] if 'recipe' in wishes else ''}.toml")
    if file.suffix != ".toml":
        raise UsageError("the learner table is TOML", got=file.name, wanted="FILE.toml")
    provenance = file.with_suffix(".json")
    with _watching() as report:
        found = tune(Request(dataset, learner=wishes, **asked), ledger=file.with_suffix(".trials.jsonl"), report=report)
    plain = {**found.plain(), "out": str(file), "toml": toml(found, provenance.name)}
    write_atomically(provenance, json.dumps(plain, indent=1))
    write_atomically(file, plain["toml"])
    emit(plain, Group(tuned_table(found), tuned_sentence(found), f"Learner table: {file} (all trials and provenance: {provenance})"))


def transferred(
    studies: Sequence[str], recipes: Sequence[str], networks: Sequence[str], options: Mapping[str, Any], which: Mapping[str, Any], out: str | None
) -> None:
    """Train the other models on a study's index sets."""
    from rich.console import Group

    from querist.bench.exploring_tables import transfer_sentence, transfer_table
    from querist.bench.transferring import transfer

    if len(studies) > 1:
        raise UsageError("one study at a time is transferred to other models", got=", ".join(studies), wanted="one study, or --ranks")
    wishes = _given(options)
    models = {**{Path(name).stem: {**_model(name), **wishes} for name in recipes}, **{name: {"network": name, **wishes} for name in networks}}
    file = _json_file(out)
    with _watching() as report:
        found = transfer(Path(studies[0]), models, **which, ledger=file.with_suffix(".fits.jsonl") if file else None, report=report)
    _write(file, found.plain())
    emit({**found.plain(), "out": str(file) if file else None}, Group(transfer_table(found), transfer_sentence(found)))


def compared_ranks(studies: Sequence[str], out: str | None) -> None:
    """Ranks over studies, each data set left out in turn."""
    from rich.console import Group

    from querist.bench.exploring_tables import ranks_sentence, ranks_table
    from querist.bench.rank_stability import stability
    from querist.bench.results import Study

    file = _json_file(out)
    found = stability([Study.open(Path(path)) for path in studies])
    _write(file, asdict(found))
    emit({**asdict(found), "out": str(file) if file else None}, Group(ranks_table(found), ranks_sentence(found)))


def analysed(dataset: str, learner: Mapping[str, Any], mode: str, seed: int, seeds: int, root: str | None, out: str | None) -> None:
    """Analyse a data set, and write a page if asked."""
    from rich.console import Group

    from querist.bench.analysing import analyse
    from querist.bench.analysis_page import check, write
    from querist.bench.exploring_tables import analysis_sentence, analysis_table, redundancy_sentence, threshold_sentence

    if out is not None:
        check(Path(out))
    with _watching() as report:
        found = analyse(dataset, root=root, learner=_given(learner), mode=mode, seed=seed, seeds=seeds, report=report)
    if out is not None:
        write(found, Path(out))
    said = [analysis_sentence(found), redundancy_sentence(found), threshold_sentence(), *([f"Report: {out}"] if out else [])]
    emit({**found.plain(), "report": out}, Group(analysis_table(found), *said))


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in options.items() if value is not None}
    if "recipe" in given:
        catalogue.row(str(given["recipe"]), "recipe")
    return given


def _model(name: str) -> dict[str, Any]:
    """A recipe by name, or the learner table of a TOML file."""
    if not name.endswith(".toml"):
        return _given({"recipe": name})
    try:
        table = tomllib.loads(Path(name).read_text(encoding="utf-8")).get("learner")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError("cannot read the model's file", got=name, wanted="a TOML file with a [learner] table", hint=str(error)) from error
    if not isinstance(table, dict):
        raise UsageError("the file has no [learner] table", got=name, wanted="what `querist tune` writes")
    return table


def _json_file(out: str | None) -> Path | None:
    if out is not None and Path(out).suffix != ".json":
        raise UsageError("the result is written as JSON", got=out, wanted="FILE.json")
    return None if out is None else Path(out)


def _write(file: Path | None, plain: Mapping[str, Any]) -> None:
    if file is not None:
        from querist.bench.runs import write_atomically

        write_atomically(file, json.dumps(plain, indent=1))


@contextmanager
def _watching() -> Iterator[Report]:
    """A report with time left: a bar on a terminal, else a line now and then."""
    if sys.stderr.isatty():
        with reporting() as bars:
            yield bars
        return
    from querist.bench.pace import Pace
    from querist.bench.wording import duration

    pace, said = Pace(), time.monotonic()

    def line(phase: str, fraction: float, extra: Mapping[str, Any]) -> None:
        nonlocal said
        left = pace.left(fraction)
        if time.monotonic() - said >= _EVERY and fraction < 1:
            said = time.monotonic()
            note(f"[{100 * fraction:.0f} %] {extra.get('what', phase)}" + ("" if left is None else f", about {duration(left)} left"))

    yield line
