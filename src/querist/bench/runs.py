"""One run: one method, one seed, one project file, measured at every budget. Killed at any point, it goes on where it was."""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Protocol

from querist.bench import recording
from querist.bench.chain import links
from querist.bench.environment import fingerprint
from querist.bench.memory import forget_peak, peak_mb
from querist.bench.spec import StudySpec
from querist.core.contracts import Oracle
from querist.core.errors import StoreError, TrainingError, UsageError
from querist.core.records import Answer, Query, Round
from querist.core.spec import digest

METRIC = "accuracy"


class RunProject(recording.Recorded, Protocol):
    """What a run uses of a project."""

    def run(self, oracle: Oracle) -> Any:
        """Ask, tell and update until the budget is spent; goes on after an interruption."""

    def rounds(self) -> Sequence[Round]:
        """All published rounds, round 0 (no model) first."""

    def status(self) -> Mapping[str, Any]:
        """At least `items`, how many may be asked in all."""

    def close(self) -> None:
        """Close the file."""


class RunFactory(Protocol):
    """Creates the project of a run at `path`, or opens the one that is there, and gives the oracle that knows the answers."""

    def __call__(
        self,
        *,
        dataset: str,
        root: str | None,
        final: bool,
        method: str | Mapping[str, Any],
        learner: Mapping[str, Any],
        seed: int,
        path: Path,
        initial: int,
        batch: int,
        budget: int,
        score_pool: int,
    ) -> tuple[RunProject, Oracle]: ...


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """What was measured at one budget. Records of older versions have the first three fields only.

    Attributes:
        labels: Labels that the model was trained on.
        metrics: Name → value.
        seconds: Name → value; in no hash, for it differs between equal runs.
        ids: The items that were labelled for this round, in the order chosen.
        scores: Their scores, empty where nobody scored them (round 1).
        model: SHA-256 of the trained weights.
        labels_sha256: Digest of all item–value pairs trained on.
        steps: Optimiser steps, one number per ensemble member.
        unlabelled: Unlabelled inputs that training read, one number per member, repetitions counted.
        hash: Link of the run's chain; see `chain`.
        test_reads: How often the test items were read before training ended, and after.
        spent: What its labels took in all, by unit (`boxes`, `tokens`, …), where an item's label may be small or large.
    """

    labels: int
    metrics: Mapping[str, float]
    seconds: Mapping[str, float]
    ids: tuple[str, ...] = ()
    scores: tuple[float | None, ...] = ()
    model: str = ""
    labels_sha256: str = ""
    steps: tuple[int, ...] = ()
    unlabelled: tuple[int, ...] = ()
    hash: str = ""
    test_reads: tuple[int, ...] = ()
    spent: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A finished run.

    Attributes:
        method: Catalogue name or import path.
        seed: Root seed.
        run_sha256: Digest of the settings that decide a run.
        rounds: One per budget.
        data: See `recording.data_of`.
        parts: See `recording.parts_of`.
        environment: Fingerprint of where it was made; see `environment.fingerprint`.
        peak_mb: Most memory that the process held during the run, in MB; 0 where the system does not tell. Differs between equal runs.
    """

    method: str
    seed: int
    run_sha256: str
    rounds: tuple[RoundRecord, ...]
    data: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    peak_mb: float = 0.0


OnRound = Callable[[RoundRecord], None]


def run_name(method: str, seed: int) -> str:
    """File name of a run, without ending; import paths are made safe and stay distinct."""
    safe = re.sub(r"[^\w.+-]", "-", method)
    return f"{safe}-{seed}" if safe == method else f"{safe}-{digest(method)[:6]}-{seed}"


def perform(spec: StudySpec, method: str, seed: int, folder: Path, on_round: OnRound) -> RunRecord:
    """Make or continue one run and write its record to `folder`.

    Args:
        spec: The study.
        method: Catalogue name or import path.
        seed: Root seed of the run.
        folder: Where project and record lie.
        on_round: Called with every budget measured, those of an earlier attempt included.
    """
    name = run_name(method, seed)
    with opened(spec, method, seed, folder) as (project, oracle):
        heard = _Heard(oracle, project, on_round)
        forget_peak()
        project.run(heard)
        record = _recorded(project, RunRecord(method, seed, spec.run_sha256, _exact(heard.listen(), spec)), spec.budgets)
    record = replace(record, peak_mb=peak_mb())
    write_atomically(folder / f"{name}.json", _text(record))
    return record


@contextmanager
def opened(spec: StudySpec, method: str, seed: int, folder: Path) -> Iterator[tuple[RunProject, Oracle]]:
    """The project of a run with its oracle; a file that a kill left half-made is begun anew, for a simulation can be repeated."""
    path = folder / f"{run_name(method, seed)}.querist"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        project, oracle = _make(spec, method, seed, path)
    except StoreError:
        if not path.exists():
            raise
        path.replace(path.with_suffix(".broken"))
        project, oracle = _make(spec, method, seed, path)
    try:
        yield project, oracle
    finally:
        project.close()


def read_record(folder: Path, method: str, seed: int, run_sha256: str) -> RunRecord | None:
    """The record of a finished run, or None if it is not there, not whole, or of other settings."""
    try:
        plain = json.loads((folder / f"{run_name(method, seed)}.json").read_text(encoding="utf-8"))
        whole = {key: value for key, value in plain.items() if key in _RUN}
        record = RunRecord(**{**whole, "rounds": tuple(_round(row) for row in plain["rounds"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if (record.method, record.seed, record.run_sha256) == (method, seed, run_sha256) else None


_RUN, _ROUND = (frozenset(entry.name for entry in fields(kind)) for kind in (RunRecord, RoundRecord))


def _round(plain: Mapping[str, Any]) -> RoundRecord:
    known: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items() if key in _ROUND}
    return RoundRecord(**known)


def _text(record: RunRecord) -> str:
    """A record as JSON, one line per round."""
    plain = asdict(record)
    rounds = ",\n  ".join(json.dumps(row) for row in plain.pop("rounds"))
    return "{\n" + "".join(f" {json.dumps(key)}: {json.dumps(value)},\n" for key, value in plain.items()) + f' "rounds": [\n  {rounds}\n ]\n}}'


def _recorded(project: RunProject, record: RunRecord, budgets: Sequence[int]) -> RunRecord:
    """The record with what each round was made of, chained, and where and from what."""
    first, *rest = project.snapshots()
    rows = recording.details(project, rest, budgets)
    hashes = links(record.method, record.seed, record.run_sha256, [asdict(row) | detail for row, detail in zip(record.rounds, rows, strict=True)])
    rounds = tuple(replace(row, **detail, hash=link) for row, detail, link in zip(record.rounds, rows, hashes, strict=True))
    parts = recording.parts_of(project, rest[-1])
    return replace(record, rounds=rounds, data=recording.data_of(project, first), parts=parts, environment=fingerprint(encoder=parts["options"].get("encoder")))


def write_atomically(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


@dataclass
class _Heard:
    """An oracle that passes on what has been measured whenever it is asked: by then the update before has been published."""

    oracle: Oracle
    project: RunProject
    on_round: OnRound
    seen: int = 0

    def answer(self, query: Query) -> Iterable[Answer]:
        self.listen()
        return self.oracle.answer(query)

    def listen(self) -> list[RoundRecord]:
        records = [_record(made) for made in self.project.rounds() if made.n > 0]
        for record in records[self.seen :]:
            self.on_round(record)
        self.seen = len(records)
        return records


def _record(made: Round) -> RoundRecord:
    return RoundRecord(made.labels_used, dict(made.metrics), dict(made.seconds))


def _exact(records: Sequence[RoundRecord], spec: StudySpec) -> tuple[RoundRecord, ...]:
    budgets, used = spec.budgets, [record.labels for record in records]
    blind = next((record for record in records if spec.metric not in record.metrics), None)
    if blind is not None:
        raise TrainingError(f"a round measured no {spec.metric}", got=", ".join(blind.metrics), wanted=spec.metric)
    if used != list(budgets):
        raise TrainingError("the rounds of a run must use exactly the labels of the budgets", got=used, wanted=list(budgets))
    return tuple(records)


def _make(spec: StudySpec, method: str, seed: int, path: Path) -> tuple[RunProject, Oracle]:
    return factory(spec.factory)(
        dataset=spec.dataset,
        root=spec.root,
        final=spec.final,
        method=spec.strategy(method),
        learner=spec.learner_options(method),
        seed=seed,
        path=path,
        initial=spec.initial,
        batch=spec.batch,
        budget=spec.budget,
        score_pool=spec.score_pool,
    )


def factory(path: str) -> RunFactory:
    """The run factory named by `"module:function"`.

    Raises:
        UsageError: if it cannot be imported.
    """
    module, _, name = path.partition(":")
    try:
        found: RunFactory = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"cannot import the run factory {path!r}: {error}", wanted="module:function") from error
    return found
