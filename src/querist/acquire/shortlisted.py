"""A short list by one method, then few of it that stand for many: by covering all candidates, or as medoids of the list itself.

Reference:
    Yang et al. 2017, arXiv 1706.04737 (suggestive annotation); Yang, Huang & Crowley 2024, arXiv 2211.11612 (PPAL).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.embeddings import Features
from querist.acquire.ranked import MARGIN, Ranked, ranked, whole
from querist.acquire.selectors import selection
from querist.core.contracts import Acquisition, PoolView
from querist.core.records import Selection
from querist.kernels.item_medoids import k_medoids
from querist.kernels.neighbours import unit
from querist.kernels.set_cover import cosine_cover


@dataclass(frozen=True)
class SetCover:
    """Of the `wide · k` candidates the method wants most, those that look most like all candidates (cosine of the features), greedily.

    Attributes:
        inner: The method.
        wide: Length of the short list in batches.
    """

    inner: Acquisition = MARGIN
    wide: int = 2

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs, and `features`."""
        return self.inner.needs | {"features"}

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        found = _listed(self.inner, view, self.wide, k, rng)
        x = Features().coordinates(view)
        places, gains = cosine_cover(x[found.rows], x, k)
        why = [f"adds {gain:.4g} of {len(x)} to what is covered; {found.reason(int(place))}" for place, gain in zip(places, gains, strict=True)]
        return selection(view, found.rows[places], gains, why)


@dataclass(frozen=True)
class ListMedoids:
    """Of the `wide · k` candidates the method wants most, k medoids by the cosine of their features, those of large clusters first.

    Attributes:
        inner: The method.
        wide: Length of the short list in batches.
    """

    inner: Acquisition = MARGIN
    wide: int = 4

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs, and `features`."""
        return self.inner.needs | {"features"}

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        found = _listed(self.inner, view, self.wide, k, rng)
        x = unit(Features().coordinates(view)[found.rows].astype(np.float64))
        places, sizes = k_medoids(np.clip(1.0 - x @ x.T, 0.0, 2.0), k)
        why = [f"stands for {size} of {len(x)} listed; {found.reason(int(place))}" for place, size in zip(places, sizes, strict=True)]
        return selection(view, found.rows[places], sizes, why)


def _listed(inner: Acquisition, view: PoolView, wide: int, k: int, rng: np.random.Generator) -> Ranked:
    """The first `wide · k` of the method's order."""
    m = whole(wide, "wide") * max(k, 0)
    found = ranked(inner, view, m, rng)
    return Ranked(found.rows[:m], found.values[:m], found.why[:m])
