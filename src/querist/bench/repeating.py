"""Making runs of a snapshot again, and finding the first round in which they differ from it: what replay and verification share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from querist.bench import snapshot
from querist.bench.analysis import metric_of
from querist.bench.crew import Run, work_through
from querist.bench.environment import ABSENT
from querist.bench.runs import METRIC, RunRecord, read_record
from querist.bench.spec import StudySpec
from querist.bench.working import Emit, Event
from querist.core.errors import UsageError

Plain = Mapping[str, Any]
Compared = Callable[[Plain, RunRecord, int], tuple[str, Any, Any] | None]
"""A round of the snapshot, the run made again and the round's place → what differs, as recorded, and here; None if nothing does."""

PARTS: Final = ("learner", "weights_sha256", "score_pool")
"""What of a run's resolved parts has to be the same even where no strategy is run."""

FIRST_STREAMS: Final = 9
"""Random streams of the first version; records hold them and those that were added since, up to their own version."""

_SHOWN = 4


@dataclass(frozen=True)
class Wanted:
    """The runs of a snapshot that are made again.

    Attributes:
        entries: Its entries, in its order.
    """

    entries: tuple[Plain, ...]

    @classmethod
    def of(cls, plain: Plain, methods: Iterable[str], seeds: Iterable[int]) -> Wanted:
        """Those of these methods and seeds, all where none are named.

        Raises:
            UsageError: if there are none.
        """
        chosen, numbers = set(methods), set(seeds)
        entries = tuple(run for run in plain["runs"] if (not chosen or run["method"] in chosen) and (not numbers or run["seed"] in numbers))
        if not entries or chosen - {run["method"] for run in entries}:
            known = ", ".join(dict.fromkeys(run["method"] for run in plain["runs"]))
            raise UsageError("the snapshot has no such run", got=f"{sorted(chosen) or 'any method'}, {sorted(numbers) or 'any seed'}", wanted=known)
        return cls(entries)

    @property
    def runs(self) -> list[Run]:
        """Their names."""
        return [(run["method"], run["seed"]) for run in self.entries]


@dataclass(frozen=True)
class Outcome:
    """What came of repeating a study.

    Attributes:
        ok: Nothing diverged.
        level: `L0` or `L1`.
        runs: Runs made again.
        rounds: Their rounds.
        first: Where the first divergence is (method, seed, round from 1, what, recorded, here), or None.
        largest: Largest difference of the study's metric.
        models: Rounds whose weights are the same, bit for bit.
        tolerance: How far accuracies might lie apart; None where bits had to be the same.
    """

    ok: bool
    level: str
    runs: int
    rounds: int
    first: Mapping[str, Any] | None
    largest: float
    models: int
    tolerance: float | None = None


@dataclass
class Made:
    """Runs made again, and why others could not be."""

    records: dict[Run, RunRecord] = field(default_factory=dict)
    failures: dict[Run, str] = field(default_factory=dict)


def at_once(spec: StudySpec, runs: Sequence[Run], folder: Path, emit: Emit) -> Made:
    """Make runs in an empty folder."""
    made = Made()

    def listen(event: Event) -> None:
        if event["event"] == "failed":
            made.failures[event["method"], event["seed"]] = event["error"]
        emit(event)

    work_through(spec, runs, folder / "runs", listen)
    for run in runs:
        record = read_record(folder / "runs", *run, spec.run_sha256)
        if record is not None:
            made.records[run] = record
    return made


def judged(
    plain: Plain, wanted: Wanted, made: Made, level: str, compared: Compared, *, parts: Sequence[str] = PARTS, tolerance: float | None = None
) -> Outcome:
    """Compare run by run, round by round; the first divergence is the first in the order of the snapshot.

    Args:
        plain: The snapshot.
        wanted: Which of its runs.
        made: These, made again.
        level: For the outcome.
        compared: Compares a round.
        parts: The resolved parts that have to be the same.
        tolerance: For the outcome.
    """
    first: Mapping[str, Any] | None = None
    largest, models, rounds, metric = 0.0, 0, 0, metric_in(plain)
    for entry in wanted.entries:
        name = (entry["method"], entry["seed"])
        record = made.records.get(name)
        found: Mapping[str, Any] | None = None
        if record is None:
            found = _place(name, 1, "failed", None, made.failures.get(name, "the run did not finish"))
        else:
            found = _beginning(plain, entry, record, parts)
            for place, row in enumerate(entry["rounds"]):
                here = record.rounds[place]
                rounds += 1
                models += row["model"] == here.model
                largest = max(largest, abs(metric_of(row["metrics"], metric) - metric_of(here.metrics, metric)))
                if found is None and (difference := compared(row, record, place)):
                    found = _place(name, place + 1, *difference)
        first = first or found
    return Outcome(first is None, level, len(wanted.entries), rounds, first, largest, models, tolerance)


def metric_in(plain: Plain) -> str:
    """What the curves of a snapshot measure."""
    return str(plain["spec"].get("metric", METRIC))


def _beginning(plain: Plain, entry: Plain, record: RunRecord, keys: Sequence[str]) -> Mapping[str, Any] | None:
    """What a run starts from: the same items, test items, label space, streams and resolved parts."""
    name = (entry["method"], entry["seed"])
    for key, here in record.data.items():
        if plain["data"].get(key) != here:
            return _place(name, 1, f"data.{key}", plain["data"].get(key), here)
    here, recorded = snapshot.streams(), plain["streams"]["first"]
    # Streams are only ever added, behind those of the first version: an older record has fewer.
    if {**here, **recorded} != here or not {*list(here)[:FIRST_STREAMS]} <= {*recorded}:
        return _place(name, 1, "streams", recorded, here)
    parts = plain["parts"][entry["parts"]]
    for key in keys:
        if parts.get(key) != record.parts.get(key):
            return _place(name, 1, key, parts.get(key), record.parts.get(key))
    return None


def _place(run: Run, round_: int, what: str, recorded: Any, here: Any) -> dict[str, Any]:
    was, now = (_leaves(value) if isinstance(value, Mapping | list) else value for value in (recorded, here))
    if isinstance(was, Mapping) and isinstance(now, Mapping):  # to be read: only where they part, and not all of that
        parted = [key for key in dict.fromkeys((*was, *now)) if was.get(key, ABSENT) != now.get(key, ABSENT)][:_SHOWN]
        was, now = ({key: side.get(key, ABSENT) for key in parted} for side in (was, now))
    return {"method": run[0], "seed": run[1], "round": round_, "what": what, "recorded": was, "here": now}


def _leaves(plain: Any, path: str = "") -> dict[str, Any]:
    """The values of nested mappings and lists by their paths."""
    if not isinstance(plain, Mapping | list):
        return {path: plain}
    below = plain.items() if isinstance(plain, Mapping) else enumerate(plain)
    return {key: value for name, one in below for key, value in _leaves(one, f"{path}.{name}" if path else str(name)).items()}
