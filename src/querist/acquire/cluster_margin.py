"""Cluster-Margin: the smallest margins, spread over the clusters of the features.

Reference:
    Citovsky et al. 2021, arXiv 2107.14263.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.embeddings import Features
from querist.acquire.selectors import selection
from querist.acquire.sites import item_scores
from querist.core.contracts import PoolView
from querist.core.records import Selection
from querist.kernels.allocation import round_robin
from querist.kernels.hierarchy import average_linkage
from querist.kernels.information import margin
from querist.kernels.ranking import top_k


@dataclass(frozen=True)
class ClusterMargin:
    """Of the `shortlist · k` smallest margins, one random item from each cluster in turn, clusters with fewest of them first.

    Attributes:
        shortlist: k_m / k, ≥ 1.
        clusters: Most clusters of the candidates; 0 for as many as picks.
        distance: If above 0, cut the hierarchy where clusters are this far apart instead.
        exact: Up to so many candidates the hierarchy is exact; above it, that of small k-means clusters.
    """

    shortlist: float = 10.0
    clusters: int = 0
    distance: float = 0.0
    exact: int = 5000

    folds: ClassVar[bool] = True

    @property
    def needs(self) -> frozenset[str]:
        """Margins and features."""
        return frozenset({"probs", "features"})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        n = len(view.candidates)
        k = min(k, n)
        if k <= 0:
            return Selection((), ())
        scores = finite(item_scores(view, margin), view.candidates, "probs")
        groups = average_linkage(Features().coordinates(view), self.clusters or k, rng, distance=self.distance, exact=self.exact)
        listed = top_k(scores, max(math.ceil(self.shortlist * k), k))
        names, own, sizes = np.unique(groups[listed], return_inverse=True, return_counts=True)
        chosen = round_robin(own, k, rng, sizes.astype(np.float64))
        rows = listed[chosen]
        why = [
            f"margin score {scores[row]:.4g}, cluster {names[own[i]]} with {sizes[own[i]]} of {len(listed)} listed" for i, row in zip(chosen, rows, strict=True)
        ]
        return selection(view, rows, scores[rows], why)
