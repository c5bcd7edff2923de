"""A batch shared out over groups: more to classes that are told apart badly, at least one to every cluster.

Reference:
    Lv et al. 2020, doi:10.3390/s20061650; Ostapuk, Yang & Cudré-Mauroux 2019 (ActiveLink), doi:10.1145/3308558.3313620.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.embeddings import Features
from querist.acquire.ranked import MARGIN, Ranked, ranked, whole
from querist.acquire.selectors import selection
from querist.core.contracts import Acquisition, PoolView
from querist.core.records import Selection
from querist.kernels.information import predictive
from querist.kernels.quotas import cluster_quotas, margin_quotas


@dataclass(frozen=True)
class MarginQuotas:
    """Quotas by predicted class in proportion to 1 - its average margin p(1) - p(2); within a class the method's order.

    Attributes:
        inner: The method.
    """

    inner: Acquisition = MARGIN

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs, and `probs`."""
        return self.inner.needs | {"probs"}

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; what a class without enough candidates leaves goes to the method's next ones."""
        found = ranked(self.inner, view, len(view.candidates), rng)
        mean = finite(predictive(view.stat("probs")), view.candidates, "probs")
        predicted, two = mean.argmax(axis=1), np.sort(mean, axis=1)[:, -2:]
        sums = np.bincount(predicted, two[:, 1] - two[:, 0], minlength=mean.shape[1])
        sizes = np.bincount(predicted, minlength=mean.shape[1])
        average = np.where(sizes > 0, sums / np.maximum(sizes, 1), 1.0)
        places = _by_quota(predicted[found.rows], margin_quotas(average, min(k, len(found.rows))), k)
        why = [f"class {c}, average margin {average[c]:.3g}: {found.reason(int(p))}" for p, c in zip(places, predicted[found.rows[places]], strict=True)]
        return selection(view, found.rows[places], found.values[places], why)


@dataclass(frozen=True)
class ClusterShares:
    """Quotas by cluster of the features in proportion to size, at least one each; within a cluster the method's order.

    Attributes:
        inner: The method.
        clusters: How many; 0 for half as many as picks.
    """

    inner: Acquisition = MARGIN
    clusters: int = 0

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs, and `features`."""
        return self.inner.needs | {"features"}

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        from querist.kernels.partition import k_means

        if k <= 0 or not len(view.candidates):
            return Selection((), ())
        found: Ranked = ranked(self.inner, view, len(view.candidates), rng)
        own = k_means(Features().coordinates(view), whole(self.clusters or max(k // 2, 1), "clusters"), rng)[found.rows]
        sizes = np.bincount(own)
        places = _by_quota(own, cluster_quotas(sizes, k), k)
        why = [f"cluster {own[place]} of {sizes[own[place]]} candidates: {found.reason(int(place))}" for place in places]
        return selection(view, found.rows[places], found.values[places], why)


def _by_quota(groups: np.ndarray, quotas: np.ndarray, k: int) -> np.ndarray:
    """Places in order, as many of each group as its quota, then whatever comes next, until there are min(k, n)."""
    sizes = np.bincount(groups, minlength=len(quotas))
    turn = np.empty(len(groups), dtype=np.int64)
    turn[np.argsort(groups, kind="stable")] = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.argsort(turn >= quotas[groups], kind="stable")[: max(k, 0)]
