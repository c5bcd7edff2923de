"""The view of a learner that says something about many sites of every item: statistics of whole items, and sites that stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from querist.core.contracts import Fold
from querist.core.errors import CapabilityError
from querist.core.sites import Sites
from querist.core.statistic import rows_of
from querist.learn.statistics.question import Question
from querist.learn.statistics.registry import ON_DEMAND
from querist.learn.statistics.sited import Said

Read = Callable[[Sequence[str]], Iterator[Said]]


@dataclass
class SitedView:
    """See `core.contracts.SitesView`. One pass over the items serves features and folds that are asked for together, and no more than that is kept.

    Attributes:
        candidates, labelled, pending: Ids in canonical order, disjoint.
        read: Ids → what is said of them, chunk by chunk.
        provides: Names that may be asked for.
        aggregator: How scores of sites become scores of items.
        round: Number of the round.
        compute: Name and question → a statistic that needs the model itself.
        labels: Nobody asks for the class of an item with many sites.
        classes: Of a site.
        memory: What the method's last selection left for this one.
    """

    candidates: Sequence[str]
    labelled: Sequence[str]
    pending: Sequence[str]
    read: Read
    provides: frozenset[str]
    aggregator: Callable[[np.ndarray, Sites], np.ndarray]
    round: int = 1
    compute: Callable[[str, Question], Any] | None = None
    labels: Sequence[int] = ()
    classes: int = 0
    memory: Mapping[str, Any] | None = None
    _kept: dict[tuple[str, str], Any] = field(default_factory=dict)

    def stat(self, name: str, of: str = "candidates") -> Any:
        """See `PoolView.stat`."""
        self._check(name)
        if (name, of) not in self._kept:
            self._kept[name, of] = self._answer(name, of)
        return self._kept[name, of]

    def part(self, name: str, places: np.ndarray, of: str = "candidates") -> Any:
        """Some rows of a statistic; see `core.statistic.part_of`."""
        return rows_of(self.stat(name, of), places)

    def fold(self, name: str, fn: Fold, of: str = "candidates", places: np.ndarray | None = None) -> np.ndarray:
        """See `SitesView.fold`."""
        self._check(name)
        return self._joined(of, lambda said: fn(said.sites), places)

    def _check(self, name: str) -> None:
        if name not in self.provides or (name in ON_DEMAND and self.compute is None):
            raise CapabilityError(f"no statistic {name!r} here", wanted=", ".join(sorted(self.provides)))

    def _group(self, of: str) -> Sequence[str]:
        groups: Mapping[str, Sequence[str]] = {"candidates": self.candidates, "labelled": self.labelled, "pending": self.pending}
        return groups[of]

    def _answer(self, name: str, of: str) -> Any:
        if name == "features":
            return self._joined(of, lambda said: said.features)
        if name == "gradients":
            rows = self._joined(of, Said.gradients)
            return np.ones((len(rows), 1), dtype=np.float32), rows
        if name not in ON_DEMAND or self.compute is None:
            raise CapabilityError(f"{name!r} streams: it is read through `fold`", wanted="features, gradients or what is computed on demand")
        none: tuple[np.ndarray, Sequence[int]] = (np.empty((0, 0)), ())
        return np.asarray(self.compute(name, Question(self._group(of), lambda: self.stat("features", of), lambda: none)))

    def _joined(self, of: str, fn: Callable[[Said], np.ndarray], places: np.ndarray | None = None) -> np.ndarray:
        ids, parts, features = self._group(of), [], []
        ids = ids if places is None else [ids[place] for place in places]
        for said in self.read(ids):
            parts.append(np.asarray(fn(said)))
            features.append(said.features)
        if not parts:
            return np.empty((0,))
        if places is None:
            self._kept.setdefault(("features", of), np.concatenate(features))
        return np.concatenate(parts)
