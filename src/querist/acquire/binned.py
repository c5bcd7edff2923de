"""Not the top of a ranking alone: at random within bins of scores, or a mixture of the lowest, the middle and the rarest high ones.

Reference:
    Roy, Unmesh & Namboodiri 2018 (BMVC); Górriz et al. 2017, arXiv 1711.09168.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.ranked import MARGIN, Ranked, ranked
from querist.acquire.selectors import selection
from querist.core.contracts import Acquisition, PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.kernels.quotas import bin_draw, histogram, largest_remainder


@dataclass(frozen=True)
class Binned:
    """The method's order cut into bins of equal number; from the highest bin down, at random within a bin.

    Attributes:
        inner: The method.
        bins: One is random sampling, as many as candidates the method itself.
    """

    inner: Acquisition = MARGIN
    bins: int = 10

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs."""
        return self.inner.needs

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        if self.bins < 1:
            raise UsageError("scores are cut into bins", got=self.bins, wanted="at least one")
        found = ranked(self.inner, view, len(view.candidates), rng)
        n = len(found.rows)
        places = bin_draw(-np.arange(n, dtype=np.float64), self.bins, k, rng)
        bins = max(1, min(self.bins, n))
        why = [f"bin {place * bins // n + 1} of {bins}: {found.reason(int(place))}" for place in places]
        return selection(view, found.rows[places], found.values[places], why)


@dataclass(frozen=True)
class HistogramMixture:
    """A share of the lowest scores (the model found nothing there), a share at random from a middle band, the rest from the rarest high bin.

    Attributes:
        inner: The method; its scores make the histogram.
        lowest: Share of the lowest scores.
        middle: Share from the middle band.
        band: Quantiles of the scores between which the middle lies.
        bins: Of the histogram; the rest comes from the sparsest of its `top` highest bins that hold anything, then the next sparsest.
        top: How many bins at the top count as high.
    """

    inner: Acquisition = MARGIN
    lowest: float = 10 / 35
    middle: float = 15 / 35
    band: tuple[float, float] = (0.5, 0.9)
    bins: int = 80
    top: int = 5

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs."""
        return self.inner.needs

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        if not (self.lowest >= 0 and self.middle >= 0 and self.lowest + self.middle <= 1 and 0 <= self.band[0] <= self.band[1] <= 1):
            raise UsageError("shares are from 0 to 1", got=f"{self.lowest:g} + {self.middle:g}, band {self.band}", wanted="a sum ≤ 1, quantiles that rise")
        found = ranked(self.inner, view, len(view.candidates), rng)
        n, k = len(found.rows), min(k, len(found.rows))
        low, middle, _ = largest_remainder(np.array([self.lowest, self.middle, 1 - self.lowest - self.middle]), max(k, 0)).tolist()
        band = np.arange(n)[round(n * (1 - self.band[1])) : round(n * (1 - self.band[0]))]
        wanted = [(np.arange(n)[::-1][:low], "among the lowest: nothing found"), (rng.permutation(band), "from the middle")]
        taken: dict[int, str] = {}
        for (places, reason), most in zip(wanted, (low, middle), strict=True):
            fresh = [place for place in places.tolist() if place not in taken][:most]
            taken |= dict.fromkeys(fresh, reason)
        rest = [place for place in self._rare(found).tolist() if place not in taken][: k - len(taken)]
        taken |= dict.fromkeys(rest, "among the rarest high scores")
        picks = np.fromiter(taken, dtype=np.int64)
        why = [f"{reason}; {found.reason(place)}" for place, reason in taken.items()]
        return selection(view, found.rows[picks], found.values[picks], why)

    def _rare(self, found: Ranked) -> np.ndarray:
        """All places: those of the high bins, the sparsest bin first, then the rest in order."""
        own, counts = histogram(found.gains, self.bins)
        high = np.flatnonzero(counts)[-self.top :]
        sparse = np.full(len(counts), len(own) + 1)
        sparse[high] = counts[high]
        return np.lexsort((np.arange(len(own)), -own * (sparse[own] <= len(own)), sparse[own]))
