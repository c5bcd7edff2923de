"""The items that every run of a study had labelled at every budget: from its project files, or from its snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from querist.bench import snapshot
from querist.bench.analysis import metric_of
from querist.bench.results import Study
from querist.bench.runs import read_record, run_name
from querist.bench.spec import StudySpec
from querist.core.errors import UsageError


@dataclass(frozen=True)
class IndexSets:
    """One run: what it had labelled, in the order bought, and what its own model reached.

    Attributes:
        method: The method.
        seed: The seed.
        ids: Items in the order in which they were labelled.
        values: Item → what was said about it; None where the data set knows.
        rounds: (number of the round, labels that it used, the study's metric), one per budget.
    """

    method: str
    seed: int
    ids: tuple[str, ...]
    values: Mapping[str, Any] | None
    rounds: tuple[tuple[int, int, float], ...]

    @property
    def curve(self) -> tuple[float, ...]:
        """What its own model reached."""
        return tuple(value for _, _, value in self.rounds)


@dataclass(frozen=True)
class Recorded:
    """A study's settings and index sets."""

    spec: StudySpec
    runs: tuple[IndexSets, ...]


def recorded(path: Path, methods: Sequence[str] = (), seeds: int | None = None) -> Recorded:
    """The index sets of a study.

    Args:
        path: Folder of a study with its `runs`, or a snapshot (a JSON file, or a folder that has only that).
        methods: Only these, and the baseline; all by default.
        seeds: Only seeds below this number.

    Raises:
        UsageError: if there are none, or the study was measured on the final test set.
    """
    file = path / snapshot.FILE if path.is_dir() else path
    if path.is_dir() and (path / "runs").is_dir():
        study = Study.open(path)
        spec, found = StudySpec.of(study.spec), list(_from_projects(study, path / "runs"))
    elif file.is_file():
        spec, found = _from_snapshot(file)
    else:
        raise UsageError("there are no index sets", got=str(path), wanted="the folder of a study with its runs, or a snapshot")
    if spec.final:
        raise UsageError("this study was measured on the final test set, which a transfer may not open", hint="Run the study without --final.")
    missing = sorted(set(methods) - set(spec.methods))
    if missing:
        raise UsageError("the study has no such method", got=missing[0], wanted=", ".join(spec.methods))
    wanted = {*methods, spec.methods[0]} if methods else set(spec.methods)
    runs = tuple(run for run in found if run.method in wanted and (seeds is None or run.seed < seeds))
    if not runs:
        raise UsageError("no finished run with its index sets", got=str(path), hint="Project files may be deleted once a study is done; a transfer needs them.")
    return Recorded(spec, runs)


def _from_projects(study: Study, folder: Path) -> Iterator[IndexSets]:
    from querist.project.project import Project

    spec = StudySpec.of(study.spec)
    for method, result in study.methods.items():
        for seed in result.seeds:
            file = folder / f"{run_name(method, seed)}.querist"
            if not file.is_file() or read_record(folder, method, seed, spec.run_sha256) is None:
                continue
            with Project.open(file) as project:
                values = {event.item: event.value for event in project.history()}  # insertion order: that of the first word about an item
                rounds = tuple((made.n, made.labels_used, metric_of(made.metrics, spec.metric)) for made in project.rounds() if made.n > 0)
            yield IndexSets(method, seed, tuple(values), values, rounds)


def _from_snapshot(file: Path) -> tuple[StudySpec, list[IndexSets]]:
    try:
        plain = snapshot.unpacked(file)
        spec = StudySpec.of(plain["spec"])
        return spec, [_run(run, spec.metric) for run in plain["runs"]]
    except UsageError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError("this file is not the snapshot of a study", got=str(file), wanted=f"{snapshot.FILE} with spec and runs", hint=repr(error)) from error


def _run(run: Mapping[str, Any], metric: str) -> IndexSets:
    """A run of a snapshot; the ids of a round are those that it added, or all so far."""
    ids: dict[str, None] = {}
    rounds = []
    for place, row in enumerate(run["rounds"], start=1):
        ids |= dict.fromkeys(row["ids"])
        rounds.append((int(row.get("round", place)), len(ids), metric_of(row["metrics"], metric)))
    return IndexSets(str(run["method"]), int(run["seed"]), tuple(ids), None, tuple(rounds))
