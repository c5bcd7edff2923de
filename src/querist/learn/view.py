"""The PoolView of a fitted learner: named statistics of one round, computed once, read-only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from querist.core.errors import CapabilityError
from querist.core.statistic import rows_of
from querist.learn.statistics.forward import Scored
from querist.learn.statistics.question import Question
from querist.learn.statistics.registry import ON_DEMAND

ScoreFn = Callable[[Sequence[str]], Scored]
ComputeFn = Callable[[str, Question], Any]


class FittedView:
    """Statistics of candidates, labelled and pending items, each computed on first use and kept for the round.

    What one forward pass gives is computed for a whole group. What costs more (`learn.statistics.registry`) is computed for
    the rows that are asked for: a method that looks at a few candidates only asks its `Subview`, which asks `part` here.

    Args:
        candidates, labelled, pending: Ids in canonical order, disjoint.
        labels: Class position of each labelled item.
        classes: Number of classes.
        score: Ids → statistics of the forward pass.
        provides: Names that may be asked for.
        number: Number of the round.
        compute: Name and question → a statistic that needs the model itself.
    """

    def __init__(
        self, candidates: Sequence[str], labelled: Sequence[str], pending: Sequence[str], labels: Sequence[int], classes: int,
        score: ScoreFn, provides: frozenset[str], number: int = 1, compute: ComputeFn | None = None,
    ) -> None:  # fmt: skip
        self.candidates, self.labelled, self.pending = candidates, labelled, pending
        self.labels, self.classes, self.round = labels, classes, number
        self.memory: Mapping[str, Any] | None = None
        self._score, self.provides, self._compute = score, provides, compute
        self._groups: Mapping[str, Sequence[str]] = {"candidates": candidates, "labelled": labelled, "pending": pending}
        self._scored: dict[str, Scored] = {}
        self._named: dict[tuple[str, str], Any] = {}
        self._partly: dict[tuple[str, str], _Partly] = {}

    def stat(self, name: str, of: str = "candidates") -> Any:
        """See `PoolView.stat`."""
        self._check(name)
        if name in ON_DEMAND:
            return self.part(name, np.arange(len(self._groups[of])), of)
        if of not in self._scored:
            self._scored[of] = self._score(self._groups[of])
        if (name, of) not in self._named:
            self._named[name, of] = self._scored[of].named(name)
        return self._named[name, of]

    def part(self, name: str, places: np.ndarray, of: str = "candidates") -> Any:
        """Some rows of a statistic, only these computed where the statistic is computed on demand; see `core.statistic.part_of`."""
        self._check(name)
        if name not in ON_DEMAND:
            return rows_of(self.stat(name, of), places)
        kept = self._partly.setdefault((name, of), _Partly(len(self._groups[of])))
        missing = kept.missing(places)
        if len(missing) or kept.values is None:
            kept.put(missing, self._answer(name, of, missing))
        assert kept.values is not None
        return kept.values[places]

    def _check(self, name: str) -> None:
        if name not in self.provides or (name in ON_DEMAND and self._compute is None):
            raise CapabilityError(f"no statistic {name!r} here", wanted=", ".join(sorted(self.provides)))

    def _answer(self, name: str, of: str, places: np.ndarray) -> np.ndarray:
        assert self._compute is not None
        ids = [self._groups[of][place] for place in places]
        question = Question(ids, lambda: rows_of(self.stat("features", of), places), lambda: (self.stat("features", "labelled"), self.labels))
        return np.asarray(self._compute(name, question))


class _Partly:
    """The rows of a statistic that are there so far."""

    def __init__(self, n: int) -> None:
        self._there = np.zeros(n, dtype=bool)
        self.values: np.ndarray | None = None

    def missing(self, places: np.ndarray) -> np.ndarray:
        return np.unique(places[~self._there[places]])

    def put(self, places: np.ndarray, rows: np.ndarray) -> None:
        if self.values is None:
            self.values = np.zeros((len(self._there), *rows.shape[1:]), dtype=rows.dtype)
        self.values[places] = rows
        self._there[places] = True
