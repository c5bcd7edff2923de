"""Picks of one recording apart in time, and a budget of words, boxes or seconds that is spent in score order.

Reference:
    Aghdam et al. 2019, arXiv 1911.09168 (temporal exclusion); Shen et al. 2018, arXiv 1707.05928 (a budget in words).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.groups import settled_rows
from querist.acquire.ranked import MARGIN, ranked
from querist.acquire.selectors import selection
from querist.core.contracts import Acquisition, PoolView
from querist.core.errors import StatisticError, UsageError
from querist.core.records import Selection
from querist.kernels import spacing


@dataclass(frozen=True)
class Apart:
    """The method's order, passing over what is too near in time to a pick, or to an item that is labelled or asked already.

    Attributes:
        inner: The method.
        gap: |t - t'| ≤ gap within a recording is too near to a pick.
        known: The same to labelled and pending items; below 0 they bar nothing.
    """

    inner: Acquisition = MARGIN
    gap: float = 10.0
    known: float = 5.0

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs, `recording` and `moment`."""
        return self.inner.needs | {"recording", "moment"}

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; where too few are far enough from each other, near ones fill the batch, the most wanted first."""
        found = ranked(self.inner, view, len(view.candidates), rng)
        recording, moment = (finite(np.asarray(view.stat(name)), view.candidates, name) for name in ("recording", "moment"))
        before, at = (np.concatenate([recording[:0], *settled_rows(view, name)]) for name in ("recording", "moment"))
        barred = spacing.near(recording, moment, before, at, float(self.known))
        order = found.rows
        places = spacing.apart(-np.arange(len(order), dtype=np.float64), recording[order], moment[order], float(self.gap), max(k, 0), barred[order])
        why = [f"recording {recording[order[p]]:g} at {moment[order[p]]:g}: {found.reason(int(p))}" for p in places]
        return selection(view, order[places], found.values[places], why)


@dataclass(frozen=True)
class UntilSpent:
    """The method's order until a budget is spent; the item that crosses it is the last one, and what it cost is said.

    Attributes:
        inner: The method.
        budget: What the batch may cost, in the unit of `costs`; fewer than k items may come. None is no limit.
        strict: Never cross the budget: what does not fit is passed over.
    """

    inner: Acquisition = MARGIN
    budget: float | None = None
    strict: bool = False

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs, and `costs`."""
        return self.inner.needs | {"costs"}

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        if self.budget is not None and not self.budget >= 0:
            raise UsageError("a budget is an amount", got=self.budget, wanted="a number ≥ 0")
        found = ranked(self.inner, view, len(view.candidates), rng)
        costs = finite(np.asarray(view.stat("costs"), dtype=np.float64), view.candidates, "costs")
        if (costs < 0).any():
            first = int(np.flatnonzero(costs < 0)[0])
            raise StatisticError(f"the cost of {view.candidates[first]!r} is negative", got=costs[first], wanted="≥ 0")
        own = costs[found.rows]
        budget = math.inf if self.budget is None else float(self.budget)
        places = spacing.until_spent(-np.arange(len(own), dtype=np.float64), own, budget, max(k, 0), strict=self.strict)
        spent = np.cumsum(own[places])
        why = [f"cost {own[p]:.4g}, {total:.4g} spent: {found.reason(int(p))}" for p, total in zip(places, spent, strict=True)]
        return selection(view, found.rows[places], found.values[places], why)
