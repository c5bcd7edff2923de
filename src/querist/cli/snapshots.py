"""Snapshots of studies and benches: check-snapshot, verify, replay and diff."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from querist.cli.options import Json, Root
from querist.cli.output import DONE, FAILED, emit, note
from querist.core.errors import UsageError

Snapshot = Annotated[str, typer.Argument(metavar="SNAPSHOT", help="A snapshot.json (or .json.gz), or the folder of its study or bench.", show_default=False)]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes.", metavar="N")]
Tolerance = Annotated[float, typer.Option("--tolerance", min=0.0, help="How far accuracies may lie apart at L0, as a fraction.", metavar="F")]
Methods = Annotated[list[str] | None, typer.Option("--method", help="Only this method; may be given again.", metavar="M")]
Seeds = Annotated[list[int] | None, typer.Option("--seed", help="Only this seed; may be given again.", metavar="N")]
Cells = Annotated[list[str] | None, typer.Option("--cell", help="Only this cell of a bench; may be given again.", metavar="C")]


def check_snapshot(snapshot: Snapshot, json: Json = False) -> int:
    """Check that a snapshot is whole and agrees with itself; nothing is trained and no data are needed.

    Example: querist check-snapshot querist-demo
    """
    plain, problems = _checked(snapshot)
    return _said(plain, "check", not problems, _first(problems), {"rules": plain.get("rules"), "problems": _texts(problems)}, "keeps its rules")


def replay(
    snapshot: Snapshot, workers: Workers = 1, tolerance: Tolerance = 0.02, method: Methods = None, seed: Seeds = None, cell: Cells = None, root: Root = None,
    json: Json = False,
) -> int:  # fmt: skip
    """Train a study again on the items that its snapshot lists, without any strategy, and compare accuracies (L0: works on any machine).

    Example: querist replay querist-demo --method margin --seed 0
    """
    from querist.bench.replaying import replay as again

    def one(part: Mapping[str, Any], emit: Any) -> tuple[Any, dict[str, list[Any]]]:
        return again(part, workers=workers, tolerance=tolerance, methods=method or (), seeds=seed or (), root=root, emit=emit), {}

    return _repeated(snapshot, cell, method, seed, workers, one)


def verify(
    snapshot: Snapshot, workers: Workers = 1, tolerance: Tolerance = 0.02, method: Methods = None, seed: Seeds = None, cell: Cells = None, root: Root = None,
    json: Json = False,
) -> int:  # fmt: skip
    """Run a study again and compare every item, score, model and metric bit for bit (L1); elsewhere than it was made, replay it (L0).

    Example: querist verify querist-demo --workers 2
    """
    from querist.bench.verifying import verify as again

    def one(part: Mapping[str, Any], emit: Any) -> tuple[Any, dict[str, list[Any]]]:
        return again(part, workers=workers, tolerance=tolerance, methods=method or (), seeds=seed or (), root=root, emit=emit)

    return _repeated(snapshot, cell, method, seed, workers, one)


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A snapshot, or the folder of its study or bench.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.", show_default=False)],
    json: Json = False,
) -> int:
    """Say where two studies or benches differ: settings, machine, the first divergent round of every run, results.

    Example: querist diff querist-demo other/snapshot.json
    """
    from querist.bench import joined

    both = [joined.read(Path(path)) for path in (a, b)]
    for path, plain in zip((a, b), both, strict=True):
        if problems := joined.check(plain, claims=False):
            note(f"{path} breaks its rules: {problems[0].text}")
            if problems[0].what in ("rules", "structure", "spec", "format"):
                return _refused(plain, problems)
    found = joined.difference(*both)
    what = "benches" if "cells_a" in found else "studies"
    lines = [f"The two {what} are equal." if found["ok"] else f"The two {what} differ."]
    for key in ("spec", "data", "code", "environment"):
        lines += [f"{_of(row)}{key}: {row['key']} is {row['a']} and {row['b']}" for row in found.get(key, ())]
    lines += [f"{_of(row)}run {row['method']} seed {row['seed']}: parts in round {row['round']} ({row['what']})" for row in found.get("runs", ())]
    for name in ("a", "b"):
        lines += [f"{_of(row)}run {row['method']} seed {row['seed']}: only in {name}" for row in found.get(f"only_{name}", ())]
        lines += [f"{cell}: only in {name}" for cell in found.get(f"cells_{name}", ())]
    emit(found, "\n".join(lines))
    return DONE if found["ok"] else FAILED


def _of(place: Mapping[str, Any]) -> str:
    """The cell of a bench before what is said of it."""
    return f"{place['cell']}: " if place.get("cell") else ""


def _checked(path: str) -> tuple[dict[str, Any], list[Any]]:
    from querist.bench import joined

    plain = joined.read(Path(path))
    return plain, joined.check(plain)


def _repeated(path: str, cells: list[str] | None, methods: list[str] | None, seeds: list[int] | None, workers: int, again: Any) -> int:
    """Check a snapshot and make its runs again, cell by cell where it is a bench's; the first divergence is that of the first cell that has one."""
    from querist.bench import joined

    plain, problems = _checked(path)
    if problems:
        return _refused(plain, problems)
    parts = joined.cells(plain)
    if stray := [cell for cell in cells or () if cell not in parts]:
        raise UsageError("the snapshot has no such cell", got=stray[0], wanted=", ".join(filter(None, parts)) or "none: it is that of a study")
    told = []
    for name in cells or parts:
        with _watched(parts[name], methods, seeds, workers) as events:
            outcome, differences = again(parts[name], events)
        told.append((name, outcome, differences))
        if differences:
            note(f"{_of({'cell': name})}bits cannot be promised: this environment differs in {', '.join(differences)}; replayed instead")
    return _outcome(plain, [parts[name] for name, *_ in told], told)


def _first(problems: list[Any]) -> dict[str, Any] | None:
    from querist.bench.rules import first

    return first(problems)


def _texts(problems: list[Any]) -> list[dict[str, Any]]:
    return [{**problem.place, "text": problem.text} for problem in problems]


def _refused(plain: Mapping[str, Any], problems: list[Any]) -> int:
    """A snapshot that contradicts itself is not run again."""
    return _said(plain, "check", False, _first(problems), {"problems": _texts(problems)}, "")


@contextmanager
def _watched(plain: Mapping[str, Any], methods: list[str] | None, seeds: list[int] | None, workers: int) -> Iterator[Any]:
    """Progress of the chosen runs on stderr: with the time left where it is the whole study."""
    from querist.bench.progress import progress
    from querist.bench.spec import StudySpec

    if not methods and not seeds:
        with progress(StudySpec.of({**plain["spec"], "workers": workers})) as events:
            yield events
        return
    total = sum((not methods or run["method"] in methods) and (not seeds or run["seed"] in seeds) for run in plain["runs"])
    ended: list[Mapping[str, Any]] = []

    def lines(event: Mapping[str, Any]) -> None:
        if event["event"] in ("done", "failed"):
            ended.append(event)
            note(f"[{len(ended)}/{total}] {event['method']} seed {event['seed']}{': ' + event['error'] if event['event'] == 'failed' else ''}")

    yield lines


def _outcome(plain: Mapping[str, Any], parts: list[dict[str, Any]], told: list[tuple[str, Any, dict[str, list[Any]]]]) -> int:
    from querist.bench.environment import code
    from querist.bench.environment import differing as between

    outcomes = [outcome for _, outcome, _ in told]
    ok = all(outcome.ok for outcome in outcomes)
    program = {key: pair for part in parts for key, pair in between(part["code"], code()).items()}
    if program and not ok:
        note(f"the program is another one than that of the record: {', '.join(f'{key} {was} there, {here} here' for key, (was, here) in program.items())}")
    first = next(({**({"cell": name} if name else {}), **outcome.first} for name, outcome, _ in told if outcome.first), None)
    rounds, runs, models = (sum(getattr(outcome, count) for outcome in outcomes) for count in ("rounds", "runs", "models"))
    largest = max(outcome.largest for outcome in outcomes)
    tolerance = next((outcome.tolerance for outcome in outcomes if outcome.tolerance is not None), None)
    facts = {
        "runs": runs, "rounds": rounds, "largest_difference": largest, "same_models": models, "tolerance": tolerance,
        "environment": _two({key: pair for *_, differences in told for key, pair in differences.items()}), "code": _two(program),
    }  # fmt: skip
    same = f"{models} of {rounds} models are the same bit for bit, accuracies differ by at most {largest:.4f}"
    text = f"{rounds} rounds of {runs} runs made again; {same}"
    level = min(outcome.level for outcome in outcomes)
    return _said(plain, level, ok, first, facts, text + ("" if tolerance is None else f" (tolerance {tolerance:g})"))


def _two(differences: Mapping[str, list[Any]]) -> dict[str, dict[str, Any]]:
    return {key: {"recorded": recorded, "here": here} for key, (recorded, here) in differences.items()}


def _said(plain: Mapping[str, Any], level: str, ok: bool, first: Mapping[str, Any] | None, facts: Mapping[str, Any], text: str) -> int:
    result = {"ok": ok, "level": level, "first_divergence": first, "study": plain.get("study") or plain.get("bench"), "sha256": plain.get("sha256"), **facts}
    if ok:
        emit(result, f"{level}: {result['study']}: {text}")
        return DONE
    where = _of(first or {}) + ("" if not first or first.get("round") is None else f"{first['method']} seed {first['seed']} round {first['round']}: ")
    detail = f" (recorded {first['recorded']}, here {first['here']})" if first and "here" in first else ""
    told = [f"{row['text']}" for row in facts.get("problems", ())][:1]
    emit(result, f"{level}: not the same. First divergence: {where}{first['what'] if first else ''}{detail}{': ' if told else ''}{''.join(told)}")
    return FAILED
