"""Distances to the decision boundary as scores, and the filter that makes them affordable.

Reference:
    Ducoffe & Precioso 2018 (DFAL), arXiv 1802.09841.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.compose import Compose, Subview
from querist.acquire.scores import Margin, Score
from querist.core.contracts import Acquisition, PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.kernels.ranking import top_k


@dataclass(frozen=True)
class _Nearness:
    """Minus a distance: the nearest to the boundary is wanted most, and what never flipped least."""

    statistic: ClassVar[str]

    @property
    def needs(self) -> frozenset[str]:
        """The distance."""
        return frozenset({self.statistic})

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the candidates, ≤ 0."""
        return -finite(np.asarray(view.stat(self.statistic), dtype=np.float64), view.candidates, self.statistic)


@dataclass(frozen=True)
class BoundaryNearness(_Nearness):
    """-‖r‖ of DeepFool's perturbation r."""

    statistic: ClassVar[str] = "boundary_distance"


@dataclass(frozen=True)
class IterativeNearness(_Nearness):
    """-‖r‖ of the perturbation that the basic iterative method ends with."""

    statistic: ClassVar[str] = "iterative_distance"


@dataclass(frozen=True)
class Filtered:
    """A cheap score first, then a method on what it leaves: what the method needs is computed for these candidates alone.

    Attributes:
        then: The method.
        first: Keeps the `width · k` best.
        width: How many candidates a pick; 0 keeps all.
    """

    then: Acquisition = field(default_factory=lambda: Compose(score=BoundaryNearness()))
    first: Score = Margin()
    width: int = 10

    @property
    def needs(self) -> frozenset[str]:
        """What filter and method need."""
        return self.then.needs | (self.first.needs if self.width else frozenset())

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        if self.width < 0:
            raise UsageError("a filter keeps some candidates a pick", got=self.width, wanted="width ≥ 1, or 0 for all")
        keep = self.width * k
        if not 0 < keep < len(view.candidates):
            return self.then.select(view, k, rng)
        scores = finite(self.first(view), view.candidates, "scores")
        return self.then.select(Subview(view, np.sort(top_k(scores, keep))), k, rng)
