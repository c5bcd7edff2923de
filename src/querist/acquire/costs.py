"""The wrapper for labels that do not all cost the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.ranked import MARGIN, ranked, whole
from querist.acquire.selectors import selection
from querist.core.contracts import Acquisition, PoolView
from querist.core.errors import StatisticError, UsageError
from querist.core.records import Selection
from querist.kernels.allotting import affordable
from querist.kernels.ranking import top_k


@dataclass(frozen=True)
class CostAware:
    """Rank by gain per cost, the gain being the inner method's score; with a budget, stop where the money does.

    Attributes:
        inner: The method whose scores are the gains; negative ones are shifted up so that the lowest is 0.
        budget: What the batch may cost, in the unit of `costs`. With a budget fewer than k items may be chosen; None is no limit.
        floor: Share of the median cost below which no item counts as cheaper, or empty items win.
        wide: For a method whose picks depend on each other, how many of its picks per item wanted are compared.

    Reference:
        Settles, Craven & Friedland 2008 (return on investment).
    """

    inner: Acquisition = MARGIN
    budget: float | None = None
    floor: float = 0.05
    wide: int = 10

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs, and `costs`."""
        return self.inner.needs | {"costs"}

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        if self.budget is not None and not self.budget >= 0:
            raise UsageError("a budget is an amount", got=self.budget, wanted="a number ≥ 0")
        if not k or not len(view.candidates):
            return Selection((), ())
        costs = _costs(view)
        found = ranked(self.inner, view, whole(self.wide, "wide") * k, rng)
        rows, gains = found.rows, found.gains - min(float(found.gains[-1]), 0.0)
        priced = np.maximum(costs[rows], self.floor * float(np.median(costs)))
        picks = top_k(gains / priced, k) if self.budget is None else affordable(gains, priced, k, self.budget)
        why = [f"gain {gains[p]:.4g} at cost {costs[rows[p]]:.4g}: {found.reason(int(p))}" for p in picks]
        return selection(view, rows[picks], (gains / priced)[picks], why)


def _costs(view: PoolView) -> np.ndarray:
    costs = finite(np.asarray(view.stat("costs"), dtype=np.float64), view.candidates, "costs")
    bad = np.flatnonzero(costs <= 0)
    if len(bad):
        raise StatisticError(f"the cost of {len(bad)} items is not positive, the first is {view.candidates[bad[0]]!r}", got=costs[bad[0]], wanted="> 0")
    return costs
