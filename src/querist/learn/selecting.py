"""The last step of every round: let the acquisition choose, and check what it must never get wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from querist.core.contracts import Acquisition, PoolView
from querist.core.errors import StatisticError
from querist.core.records import RoundJob, Selection
from querist.core.rng import stream
from querist.core.statistic import Over, fold_of, part_of, rows_of


def choose(acquisition: Acquisition, view: PoolView, job: RoundJob) -> Selection:
    """The batch and, behind it, the reserve: what the same method would ask next if the batch were already leased.

    Raises:
        StatisticError: for repeated or foreign picks, a wrong number of them, or scores that are not finite.
    """
    rng = stream(job.seed, job.round, "select")
    batch = _checked(acquisition.select(view, job.batch, rng), view, job.batch)
    left = len(view.candidates) - len(batch)
    if not job.reserve or not left:
        return batch
    later = Later(view, batch.ids)
    later.memory = batch.memory
    more = _checked(acquisition.select(later, job.reserve, rng), later, job.reserve)
    return Selection(batch.ids + more.ids, batch.scores + more.scores, batch.reasons + more.reasons, more.memory)


class Later(Over):
    """The view after some candidates were leased: they are pending, the others remain."""

    def __init__(self, view: PoolView, leased: Sequence[str]) -> None:
        super().__init__(view)
        row = {item: place for place, item in enumerate(view.candidates)}
        self._moved = np.array(sorted(row[item] for item in leased), dtype=np.int64)
        self._kept = np.setdiff1d(np.arange(len(row)), self._moved)
        self.candidates = [view.candidates[place] for place in self._kept]
        self.pending = [*view.pending, *(view.candidates[place] for place in self._moved)]

    def fold(self, name: str, fn: Any, of: str = "candidates", places: np.ndarray | None = None) -> np.ndarray:
        """See `SitesView.fold`."""
        if of == "labelled":
            return fold_of(self._view, name, fn, of, places)
        if of == "candidates":
            return fold_of(self._view, name, fn, of, self._kept if places is None else self._kept[places])
        moved = fold_of(self._view, name, fn, "candidates", self._moved)
        both = np.concatenate([fold_of(self._view, name, fn, of, None), moved]) if len(self._view.pending) else moved
        return both if places is None else both[places]

    def stat(self, name: str, of: str = "candidates") -> Any:
        """See `PoolView.stat`."""
        if of == "labelled":
            return self._view.stat(name, of)
        if of == "candidates":
            return part_of(self._view, name, self._kept)
        moved = part_of(self._view, name, self._moved)
        return _joined(self._view.stat(name, of), moved) if len(self._view.pending) else moved

    def part(self, name: str, places: np.ndarray, of: str = "candidates") -> Any:
        """Some rows of a statistic; see `core.statistic.part_of`."""
        return part_of(self._view, name, self._kept[places]) if of == "candidates" else rows_of(self.stat(name, of), places)


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, tuple):
        return tuple(np.concatenate(pair) for pair in zip(first, second, strict=True))
    return np.concatenate([first, second])


def _checked(chosen: Selection, view: PoolView, k: int) -> Selection:
    wanted = min(k, len(view.candidates))
    if len(chosen) != wanted or len(set(chosen.ids)) != wanted or not set(chosen.ids) <= set(view.candidates):
        raise StatisticError("the acquisition broke its contract", got=f"{len(set(chosen.ids))} distinct picks", wanted=f"{wanted} distinct candidates")
    if not np.isfinite(chosen.scores).all():
        raise StatisticError("the acquisition gave scores that are not finite", wanted="finite numbers")
    return chosen
