"""Snapshots of studies: check-snapshot, verify, replay and diff."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from querist.cli.options import Json, Root
from querist.cli.output import DONE, FAILED, emit, note

Snapshot = Annotated[str, typer.Argument(metavar="SNAPSHOT", help="A snapshot.json (or .json.gz), or the folder of its study.", show_default=False)]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes.", metavar="N")]
Tolerance = Annotated[float, typer.Option("--tolerance", min=0.0, help="How far accuracies may lie apart at L0, as a fraction.", metavar="F")]
Methods = Annotated[list[str] | None, typer.Option("--method", help="Only this method; may be given again.", metavar="M")]
Seeds = Annotated[list[int] | None, typer.Option("--seed", help="Only this seed; may be given again.", metavar="N")]


def check_snapshot(snapshot: Snapshot, json: Json = False) -> int:
    """Check that a snapshot is whole and agrees with itself; nothing is trained and no data are needed.

    Example: querist check-snapshot querist-demo
    """
    plain, problems = _checked(snapshot)
    return _said(plain, "check", not problems, _first(problems), {"rules": plain.get("rules"), "problems": _texts(problems)}, "keeps its rules")


def replay(
    snapshot: Snapshot, workers: Workers = 1, tolerance: Tolerance = 0.02, method: Methods = None, seed: Seeds = None, root: Root = None, json: Json = False
) -> int:
    """Train a study again on the items that its snapshot lists, without any strategy, and compare accuracies (L0: works on any machine).

    Example: querist replay querist-demo --method margin --seed 0
    """
    from querist.bench.replaying import replay as again

    plain, problems = _checked(snapshot)
    if problems:
        return _refused(plain, problems)
    with _watched(plain, method, seed, workers) as events:
        outcome = again(plain, workers=workers, tolerance=tolerance, methods=method or (), seeds=seed or (), root=root, emit=events)
    return _outcome(plain, outcome, {})


def verify(
    snapshot: Snapshot, workers: Workers = 1, tolerance: Tolerance = 0.02, method: Methods = None, seed: Seeds = None, root: Root = None, json: Json = False
) -> int:
    """Run a study again and compare every item, score, model and metric bit for bit (L1); elsewhere than it was made, replay it (L0).

    Example: querist verify querist-demo --workers 2
    """
    from querist.bench.verifying import verify as again

    plain, problems = _checked(snapshot)
    if problems:
        return _refused(plain, problems)
    with _watched(plain, method, seed, workers) as events:
        outcome, differences = again(plain, workers=workers, tolerance=tolerance, methods=method or (), seeds=seed or (), root=root, emit=events)
    if differences:
        note(f"bits cannot be promised: this environment differs in {', '.join(differences)}; replayed instead")
    return _outcome(plain, outcome, differences)


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A snapshot, or the folder of its study.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.", show_default=False)],
    json: Json = False,
) -> int:
    """Say where two studies differ: settings, machine, the first divergent round of every run, results.

    Example: querist diff querist-demo other/snapshot.json
    """
    from querist.bench import snapshot
    from querist.bench.differences import difference
    from querist.bench.rules import check

    both = [snapshot.read(Path(path)) for path in (a, b)]
    for path, plain in zip((a, b), both, strict=True):
        if problems := check(plain, claims=False):
            note(f"{path} breaks its rules: {problems[0].text}")
            if problems[0].what in ("rules", "structure", "spec"):
                return _refused(plain, problems)
    found = difference(*both)
    lines = ["The two studies are equal." if found["ok"] else "The two studies differ."]
    for key in ("spec", "data", "code", "environment"):
        lines += [f"{key}: {row['key']} is {row['a']} and {row['b']}" for row in found[key]]
    lines += [f"run {row['method']} seed {row['seed']}: parts in round {row['round']} ({row['what']})" for row in found["runs"]]
    lines += [f"run {row['method']} seed {row['seed']}: only in {name}" for name in ("a", "b") for row in found[f"only_{name}"]]
    emit(found, "\n".join(lines))
    return DONE if found["ok"] else FAILED


def _checked(path: str) -> tuple[dict[str, Any], list[Any]]:
    from querist.bench import snapshot
    from querist.bench.rules import check

    plain = snapshot.read(Path(path))
    return plain, check(plain)


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


def _outcome(plain: Mapping[str, Any], outcome: Any, differences: Mapping[str, list[Any]]) -> int:
    from querist.bench.environment import code
    from querist.bench.environment import differing as between

    program = between(plain["code"], code())
    if program and not outcome.ok:
        note(f"the program is another one than that of the record: {', '.join(f'{key} {was} there, {here} here' for key, (was, here) in program.items())}")
    facts = {
        "runs": outcome.runs, "rounds": outcome.rounds, "largest_difference": outcome.largest, "same_models": outcome.models, "tolerance": outcome.tolerance,
        "environment": _two(differences), "code": _two(program),
    }  # fmt: skip
    same = f"{outcome.models} of {outcome.rounds} models are the same bit for bit, accuracies differ by at most {outcome.largest:.4f}"
    text = f"{outcome.rounds} rounds of {outcome.runs} runs made again; {same}"
    return _said(plain, outcome.level, outcome.ok, outcome.first, facts, text + ("" if outcome.tolerance is None else f" (tolerance {outcome.tolerance:g})"))


def _two(differences: Mapping[str, list[Any]]) -> dict[str, dict[str, Any]]:
    return {key: {"recorded": recorded, "here": here} for key, (recorded, here) in differences.items()}


def _said(plain: Mapping[str, Any], level: str, ok: bool, first: Mapping[str, Any] | None, facts: Mapping[str, Any], text: str) -> int:
    result = {"ok": ok, "level": level, "first_divergence": first, "study": plain.get("study"), "sha256": plain.get("sha256"), **facts}
    if ok:
        emit(result, f"{level}: {plain['study']}: {text}")
        return DONE
    where = "" if not first or first.get("round") is None else f"{first['method']} seed {first['seed']} round {first['round']}: "
    detail = f" (recorded {first['recorded']}, here {first['here']})" if first and "here" in first else ""
    told = [f"{row['text']}" for row in facts.get("problems", ())][:1]
    emit(result, f"{level}: not the same. First divergence: {where}{first['what'] if first else ''}{detail}{': ' if told else ''}{''.join(told)}")
    return FAILED
