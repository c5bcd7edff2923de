"""Scores of class maps: variance away from contours, and outputs of one network that contradict each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from querist.acquire.sites import probs_of
from querist.core.contracts import PoolView
from querist.core.sites import Sites
from querist.core.statistic import fold_of
from querist.kernels.distance_maps import edt_sum
from querist.kernels.overlap import side_disagreement


@dataclass(frozen=True)
class DepthVariance:
    """Variance of the class probabilities over posterior samples, summed over the pixels, each weighted by its depth in the predicted object.

    An object is what is not predicted to be of the first class. An item in which nothing is found scores 0.

    Reference:
        Górriz et al. 2017, arXiv 1711.09168.
    """

    folds: ClassVar[bool] = True

    @property
    def needs(self) -> frozenset[str]:
        """Always `probs`, of sites on a grid."""
        return frozenset({"probs"})

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the candidates."""
        return fold_of(view, "sites", self._folded)

    def _folded(self, said: Sites) -> np.ndarray:
        probs = probs_of(said)
        variance = probs.var(axis=1, dtype=np.float64).sum(axis=1)
        if said.weight is not None:
            variance *= said.weight > 0
        grid = (len(said), *(said.grid or (1,)))
        found = probs.mean(axis=1, dtype=np.float64).argmax(axis=1) > 0
        return edt_sum(variance.reshape(grid), found.reshape(grid))


@dataclass(frozen=True)
class SideDisagreement:
    """1 - mean Dice of the final output's masks with those of the side outputs, of all classes after the first together.

    Where a network has no side outputs, its posterior samples stand for them; where it has one sample, nothing disagrees.

    Reference:
        Zhao et al. 2020, arXiv 2005.03225.
    """

    folds: ClassVar[bool] = True

    @property
    def needs(self) -> frozenset[str]:
        """Always `probs`, of sites on a grid."""
        return frozenset({"probs"})

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the candidates."""
        return fold_of(view, "sites", self._folded)

    def _folded(self, said: Sites) -> np.ndarray:
        probs = probs_of(said)
        stages = said.extra["sides"] if "sides" in said.extra else probs.argmax(axis=2)
        counted = np.ones(len(stages), dtype=bool) if said.weight is None else said.weight > 0
        per_item = stages.reshape(len(said), -1, stages.shape[1]).swapaxes(1, 2)[:, :, None]
        # The masks of all classes side by side: classes weigh by their pixels, so that three stray pixels of one are no disagreement of all.
        masks = (per_item == np.arange(1, probs.shape[2])[:, None]) & counted.reshape(len(said), 1, 1, -1)
        score = side_disagreement(masks)
        # A probability that is no number is no class either: it must not pass for agreement.
        return np.asarray(score + 0.0 * np.add.reduceat(probs.sum(axis=(1, 2), dtype=np.float64), said.offsets[:-1]))
