"""Score prediction: ask for the items whose objects the model itself expects to be poor, in class, box and mask.

Reference:
    Wang et al. 2020, "Semi-supervised active learning for instance segmentation via scoring predictions", arXiv 2012.04829.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.sites import probs_of
from querist.core.contracts import PoolView
from querist.core.sites import Sites
from querist.core.statistic import fold_of
from querist.kernels.boxes import triplet
from querist.kernels.folding import Aggregator


@dataclass(frozen=True)
class ScorePrediction:
    """One minus the folded product of class probability and expected overlaps of box and mask; an overlap that the model does not say counts as 1.

    Attributes:
        by: How the products of an item's objects are folded, a name in `kernels.ragged.AGGREGATORS`.
        empty: What an item without objects is taken for: 1 is asked for first, 0 last.
    """

    by: str = "mean"
    empty: float = 1.0

    @property
    def needs(self) -> frozenset[str]:
        """Always `sites`."""
        return frozenset({"sites"})

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the candidates."""
        fold = Aggregator(self.by, 1.0 - self.empty)
        return 1.0 - fold_of(view, "sites", lambda said: fold(expected(said), said))


def expected(said: Sites) -> np.ndarray:
    """How good the model expects each site (s,) to be, in [0, 1]."""
    likeliest = probs_of(said).mean(axis=1, dtype=np.float64).max(axis=1, initial=0.0)
    ones = np.ones(said.count)
    return triplet(np.asarray(said.extra.get("score", likeliest)), np.asarray(said.extra.get("box_iou", ones)), np.asarray(said.extra.get("mask_iou", ones)))
