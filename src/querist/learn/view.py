"""The PoolView of a fitted learner: named statistics of one round, computed once, read-only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from querist.core.errors import CapabilityError
from querist.learn.statistics.forward import Scored

ScoreFn = Callable[[Sequence[str]], Scored]


class FittedView:
    """Statistics of candidates, labelled and pending items, each scored on first use and kept for the round.

    Args:
        candidates, labelled, pending: Ids in canonical order, disjoint.
        labels: Class position of each labelled item.
        classes: Number of classes.
        score: Ids → statistics.
        provides: Names that may be asked for.
        number: Number of the round.
    """

    def __init__(
        self, candidates: Sequence[str], labelled: Sequence[str], pending: Sequence[str], labels: Sequence[int], classes: int,
        score: ScoreFn, provides: frozenset[str], number: int = 1,
    ) -> None:  # fmt: skip
        self.candidates, self.labelled, self.pending = candidates, labelled, pending
        self.labels, self.classes, self.round = labels, classes, number
        self._score, self._provides = score, provides
        self._scored: dict[str, Scored] = {}
        self._named: dict[tuple[str, str], Any] = {}

    def stat(self, name: str, of: str = "candidates") -> Any:
        """See `PoolView.stat`."""
        if name not in self._provides:
            raise CapabilityError(f"no statistic {name!r} here", wanted=", ".join(sorted(self._provides)))
        if of not in self._scored:
            groups: Mapping[str, Sequence[str]] = {"candidates": self.candidates, "labelled": self.labelled, "pending": self.pending}
            self._scored[of] = self._score(groups[of])
        if (name, of) not in self._named:
            self._named[name, of] = self._scored[of].named(name)
        return self._named[name, of]
