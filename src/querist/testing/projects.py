"""Small deterministic parts for tests of projects: a pool of names and a learner that takes no time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from querist.core.contracts import Pool, Report
from querist.core.order import canonical
from querist.core.records import RoundJob, RoundResult, Selection
from querist.core.rng import stream
from querist.core.spec import Spec, digest


class ListPool:
    """Items `item-0`, `item-1`, …, whose content is their id."""

    def __init__(self, ids: int | Iterable[str]) -> None:
        self._ids = [f"item-{number}" for number in range(ids)] if isinstance(ids, int) else list(ids)

    def ids(self) -> Sequence[str]:
        """All ids, in canonical order."""
        return canonical(self._ids)

    def load(self, item_id: str) -> str:
        """The id itself."""
        return item_id

    def __len__(self) -> int:
        return len(self._ids)

    def fingerprint(self) -> str:
        """Hex digest of the ids."""
        return digest(self.ids())

    def extend(self, items: Iterable[str]) -> Sequence[str]:
        """Append ids."""
        fresh = list(items)
        self._ids += fresh
        return fresh


class OrderRuntime:
    """Ranks candidates in an order that depends on the whole job: its labels, its candidates, its seed, its round."""

    @classmethod
    def factory(cls, spec: Spec, pool: Pool | None) -> OrderRuntime:
        """A runtime factory."""
        return cls()

    def train_score_select(self, job: RoundJob, report: Report) -> RoundResult:
        """Train nothing; draw from a stream that the labels enter."""
        report("train", 0.0, {})
        mark = int(digest([dict(job.labelled), list(job.candidates), list(job.pending), dict(job.schema)])[:12], 16)
        order = stream(job.seed, job.round, "select", mark).permutation(len(job.candidates))[: job.batch + job.reserve]
        ids = tuple(job.candidates[place] for place in order)
        report("select", 1.0, {})
        return RoundResult(Selection(ids, tuple(1.0 - rank / 1000 for rank in range(len(ids)))), {"accuracy": 0.5}, {"train": 0.0}, len(job.candidates))


def targets(n: int, values: Sequence[str] = ("cat", "dog")) -> dict[str, str]:
    """A value for each item of `ListPool(n)`."""
    return {f"item-{number}": values[number % len(values)] for number in range(n)}
