"""Scores of an ensemble of checkpoints, from sums over its members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.kernels import accumulated
from querist.kernels.ranking import tie_broken

MEASURES: Final[Mapping[str, Callable[[np.ndarray], np.ndarray]]] = {
    "entropy": accumulated.entropy,
    "bald": accumulated.bald,
    "variation_ratio": accumulated.variation_ratio,
    "mean_std": accumulated.mean_std,
}


@dataclass(frozen=True)
class Accumulated:
    """Disagreement or uncertainty of the checkpoints; ties of votes follow the entropy of the mean.

    Attributes:
        measure: `entropy`, `bald`, `variation_ratio` or `mean_std`.
    """

    measure: str = "entropy"

    @property
    def needs(self) -> frozenset[str]:
        """The sums."""
        return frozenset({"checkpoint_moments"})

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the candidates.

        Raises:
            UsageError: for an unknown measure.
        """
        if self.measure not in MEASURES:
            raise UsageError("unknown measure of an ensemble", got=self.measure, wanted=", ".join(MEASURES))
        moments = np.asarray(view.stat("checkpoint_moments"))
        scores = MEASURES[self.measure](moments)
        return tie_broken(scores, accumulated.entropy(moments), float(np.log(view.classes))) if self.measure == "variation_ratio" else scores
