"""Rank aggregation of several methods."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.ranked import CORESET, MARGIN, needs, ranked, whole
from querist.acquire.selectors import selection
from querist.core.contracts import Acquisition, PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.kernels.ranking import top_k


@dataclass(frozen=True)
class Vote:
    """Several methods rank, Borda points are added: a candidate at place i of m gets (m - i) / m from a method, an unranked one 0.

    Attributes:
        voters: The methods.
        weights: One weight ≥ 0 per method; all equal if empty.
        wide: Where picks depend on each other, how many per pick a method ranks; where scores alone decide, all are ranked.
    """

    voters: tuple[Acquisition, ...] = (MARGIN, CORESET)
    weights: tuple[float, ...] = ()
    wide: int = 10

    @property
    def needs(self) -> frozenset[str]:
        """What all need."""
        return needs(*self.voters)

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; ties in canonical order."""
        weights = self.weights or (1.0,) * len(self.voters)
        if not self.voters or len(weights) != len(self.voters) or min(weights) < 0:
            raise UsageError("vote takes methods and a weight ≥ 0 for each", got=f"{len(self.voters)} methods, weights {weights}")
        points = np.zeros(len(view.candidates))
        places = np.zeros((len(self.voters), len(view.candidates)), dtype=np.int64)
        for voter, weight, place in zip(self.voters, weights, places, strict=True):
            rows = ranked(voter, view, whole(self.wide, "wide") * k, rng).rows
            points[rows] += weight * (1 - np.arange(len(rows)) / max(len(rows), 1))
            place[rows] = np.arange(1, len(rows) + 1)
        picks = top_k(points, k)
        why = [f"{points[row]:.4g} points: " + ", ".join(f"place {place}" if place else "not ranked" for place in places[:, row]) for row in picks]
        return selection(view, picks, points[picks], why)
