"""What is measured on learning curves: area, accuracy at a budget, labels to an accuracy, and the labels saved.

A curve is one accuracy per budget; `t` budgets, `n` seeds, `m` weightings of the seeds. Budgets are true numbers of labels, never round numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from querist.core.errors import UsageError

Array = NDArray[np.float64]
Censored = Literal["method", "baseline"]

_EPS = 1e-12
"""Rounding slack of a mean of accuracies: a curve reaches its own last point although averaging twice moves the last bit."""
_BLOCK = 2_000_000
"""Numbers held at once by the min-max form of isotonic regression."""


def aubc(budgets: Sequence[int], curve: ArrayLike) -> Any:
    """Area under the budget curve: trapezoids over true budgets, divided by their span.

    Args:
        budgets: (t,) increasing numbers of labels, t ≥ 1.
        curve: (..., t) accuracies.

    Returns:
        (...) mean accuracy over the span; the accuracy itself where there is one budget.

    Raises:
        UsageError: if shapes differ or the budgets do not increase.
    """
    x, y = _checked(budgets, curve)
    if x.size == 1:
        return y[..., 0]
    return np.sum((y[..., 1:] + y[..., :-1]) / 2 * np.diff(x), axis=-1) / (x[-1] - x[0])


def accuracy_at(budgets: Sequence[int], curve: ArrayLike, labels: float) -> Any:
    """Accuracy at a number of labels, by linear interpolation.

    Args:
        budgets: (t,) increasing numbers of labels.
        curve: (..., t) accuracies.
        labels: Where to read the curve.

    Raises:
        UsageError: outside the measured range; nothing is extrapolated.
    """
    x, y = _checked(budgets, curve)
    if not x[0] <= labels <= x[-1]:
        raise UsageError("outside the measured budgets", got=labels, wanted=f"{x[0]:g} to {x[-1]:g} labels")
    right = int(np.clip(np.searchsorted(x, labels), 1, max(x.size - 1, 1)))
    if x.size == 1:
        return y[..., 0]
    share = (labels - x[right - 1]) / (x[right] - x[right - 1])
    return y[..., right - 1] * (1 - share) + y[..., right] * share


def isotonic(curve: ArrayLike) -> Array:
    """The nearest non-decreasing curve in squared distance, all points weighing the same.

    Uses the min-max form `max over i ≤ j of min over k ≥ j of mean(i..k)`, which serves many curves at once.

    Args:
        curve: (..., t) accuracies.

    Returns:
        (..., t) float64.
    """
    y = np.asarray(curve, dtype=np.float64)
    t = y.shape[-1]
    rows = y.reshape(-1, t)
    out = np.empty_like(rows)
    start, end = np.indices((t, t))
    inside = end >= start
    step = max(1, _BLOCK // (t * t))
    for low in range(0, len(rows), step):
        block = rows[low : low + step]
        total = np.concatenate([np.zeros((len(block), 1)), np.cumsum(block, axis=1)], axis=1)
        mean = (total[:, None, 1:] - total[:, :-1, None]) / np.where(inside, end - start + 1, 1)
        worst_after = np.minimum.accumulate(np.where(inside, mean, np.inf)[..., ::-1], axis=-1)[..., ::-1]
        out[low : low + step] = np.where(inside, worst_after, -np.inf).max(axis=1)
    return out.reshape(y.shape)


def labels_to_reach(budgets: Sequence[int], curve: ArrayLike, accuracy: ArrayLike) -> Array:
    """Fewest labels at which the isotonic curve is at least `accuracy`, interpolated between budgets.

    Args:
        budgets: (t,) increasing numbers of labels.
        curve: (..., t) accuracies, usually means over seeds.
        accuracy: (...) or a number.

    Returns:
        (...) labels; NaN where the accuracy is not reached within the budgets, the first budget where it was there from the start.
    """
    x, y = _checked(budgets, curve)
    return _reached(x, isotonic(y), accuracy)


def labels_at(budgets: Sequence[int], curve: ArrayLike, accuracies: ArrayLike) -> Array:
    """`labels_to_reach` at many accuracies; the curves are made monotone once.

    Args:
        budgets: (t,) increasing numbers of labels.
        curve: (..., t) accuracies.
        accuracies: (p,).

    Returns:
        (..., p) labels, NaN where not reached.
    """
    x, y = _checked(budgets, curve)
    rising = isotonic(y)
    return np.stack([_reached(x, rising, accuracy) for accuracy in np.asarray(accuracies, dtype=np.float64)], axis=-1)


def _reached(x: Array, rising: Array, accuracy: ArrayLike) -> Array:
    wanted = np.broadcast_to(np.asarray(accuracy, dtype=np.float64), rising.shape[:-1])[..., None]
    reached = rising >= wanted - _EPS
    right = reached.argmax(axis=-1)[..., None]
    left = np.maximum(right - 1, 0)
    above, below = np.take_along_axis(rising, right, -1), np.take_along_axis(rising, left, -1)
    rise = above - below
    share = np.where(rise > 0, np.clip((wanted - below) / np.where(rise > 0, rise, 1), 0, 1), 1)
    labels = x[left] + share * (x[right] - x[left])
    return np.asarray(np.where(reached.any(axis=-1), labels[..., 0], np.nan))


@dataclass(frozen=True, slots=True)
class Target:
    """The accuracy at which labels are compared.

    Attributes:
        fraction: The baseline's own mean accuracy at this fraction of the budget; 1 is its final accuracy.
        accuracy: A fixed accuracy instead.
        spent: Labels of the budgets that were spent before any run began; fractions are of what came after.
    """

    fraction: float = 1.0
    accuracy: float | None = None
    spent: int = 0

    def of(self, budgets: Sequence[int], baseline: Array) -> Array:
        """(...) the accuracy meant, for baseline curves (..., t)."""
        if self.accuracy is not None:
            return np.full(baseline.shape[:-1], self.accuracy)
        return np.asarray(accuracy_at(budgets, baseline, max(budgets[0], self.spent + self.fraction * (budgets[-1] - self.spent))))


@dataclass(frozen=True, slots=True)
class Saving:
    """Labels saved at one accuracy, on mean curves.

    Attributes:
        at: The accuracy.
        ratio: Labels of the baseline / labels of the method; above 1 saves. None where one of them never gets there.
        censored: Who does not get there; `method` where neither does.
        floor: The smallest ratio that the budgets can show: the method needing all of them.
        ceiling: The largest: the baseline needing all of them.
    """

    at: float
    ratio: float | None
    censored: Censored | None
    floor: float
    ceiling: float


def label_saving(budgets: Sequence[int], method: ArrayLike, baseline: ArrayLike, target: Target) -> Saving:
    """The label-saving ratio of the mean curves of two methods.

    Args:
        budgets: (t,) numbers of labels.
        method: (n, t) accuracies, one row a seed.
        baseline: (n, t) accuracies.
        target: The accuracy at which they are compared.
    """
    ours, theirs = np.asarray(method, float).mean(axis=0), np.asarray(baseline, float).mean(axis=0)
    at = target.of(budgets, theirs)
    mine, base = float(labels_to_reach(budgets, ours, at)), float(labels_to_reach(budgets, theirs, at))
    last = float(budgets[-1])
    floor, ceiling = (last if np.isnan(base) else base) / last, last / (last if np.isnan(mine) else mine)
    censored: Censored | None = "method" if np.isnan(mine) else "baseline" if np.isnan(base) else None
    return Saving(float(at), None if censored else base / mine, censored, floor, ceiling)


def log_saving(budgets: Sequence[int], method: Array, baseline: Array, target: Target, weights: Array) -> Array:
    """Logarithm of the label-saving ratio under many weightings of the seeds; what is not reached counts as the whole budget.

    Args:
        budgets: (t,) numbers of labels.
        method: (n, t) accuracies.
        baseline: (n, t) accuracies of the same seeds in the same order.
        target: Recomputed under every weighting.
        weights: (m, n), rows summing to 1.

    Returns:
        (m,) float64.
    """
    ours, theirs = weights @ method, weights @ baseline
    at = target.of(budgets, theirs)
    last = float(budgets[-1])
    base, mine = (np.nan_to_num(labels_to_reach(budgets, curve, at), nan=last) for curve in (theirs, ours))
    return np.asarray(np.log(base) - np.log(mine))


def _checked(budgets: Sequence[int], curve: ArrayLike) -> tuple[Array, Array]:
    x, y = np.asarray(budgets, dtype=np.float64), np.asarray(curve, dtype=np.float64)
    if x.ndim != 1 or y.ndim == 0 or y.shape[-1] != x.size or x.size == 0:
        raise UsageError("a curve needs one accuracy per budget", got=f"{y.shape} accuracies", wanted=f"(..., {x.size})")
    if np.any(np.diff(x) <= 0):
        raise UsageError("budgets must increase", got=list(budgets))
    return x, y
