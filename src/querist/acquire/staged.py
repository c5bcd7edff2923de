"""Wrappers that put two methods in a row: one filters for the other, or one takes over from the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from querist.acquire.compose import Subview
from querist.acquire.ranked import CORESET, MARGIN, needs, rows_of_ids, whole
from querist.core.contracts import Acquisition, PoolView
from querist.core.records import Selection


@dataclass(frozen=True)
class Chain:
    """Filter, then choose: the first method picks `wide · k` candidates, the second picks k of those.

    Attributes:
        first: The filter.
        then: Chooses among what is left.
        wide: How many candidates per pick pass the filter.
    """

    first: Acquisition = MARGIN
    then: Acquisition = CORESET
    wide: int = 10

    @property
    def needs(self) -> frozenset[str]:
        """What both need."""
        return needs(self.first, self.then)

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        kept = whole(self.wide, "wide") * k
        if kept >= len(view.candidates):
            return self.then.select(view, k, rng)
        rows = np.sort(rows_of_ids(view.candidates, self.first.select(view, kept, rng).ids))
        return self.then.select(Subview(view, rows), k, rng)


@dataclass(frozen=True)
class Switch:
    """One method for the first rounds, another from then on.

    Attributes:
        early: The method while the number of the round is below `rounds`.
        late: The method from then on.
        rounds: First round of `late`; rounds count from 1.
    """

    early: Acquisition = CORESET
    late: Acquisition = MARGIN
    rounds: int = 3

    @property
    def needs(self) -> frozenset[str]:
        """What both need: which of them it will be is not known when a run is assembled."""
        return needs(self.early, self.late)

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; every note says which method it was."""
        early = view.round < self.rounds
        chosen = (self.early if early else self.late).select(view, k, rng)
        phase = f"round {view.round} {'<' if early else '≥'} {self.rounds}"
        return replace(chosen, note=tuple(f"{phase}: {why}" for why in chosen.reasons))
