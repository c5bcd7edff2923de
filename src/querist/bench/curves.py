"""More that learning curves say: area on a logarithmic axis and in thirds, gain as a share of what can be gained, deficiency, and savings at every accuracy.

`t` budgets, `n` seeds, `p` accuracies. What a ratio is undefined for is NaN, never a large number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from querist.bench.measures import Array, aubc, isotonic, labels_at, labels_to_reach
from querist.bench.statistics import bootstrap_ts
from querist.core.errors import UsageError

Known = Literal["exact", "at least", "at most", "unknown"]
"""What is known of a ratio: itself, a lower bound, an upper bound, nothing."""

_EPS = 1e-12


def log_aubc(budgets: Sequence[int], curve: ArrayLike) -> Any:
    """Area under the curve over the logarithm of the budget, so that every doubling of the labels weighs the same.

    Args:
        budgets: (t,) increasing numbers of labels, the first at least 1.
        curve: (..., t) accuracies.

    Returns:
        (...) mean accuracy over the logarithmic span.

    Raises:
        UsageError: if a curve starts without labels, or the shapes do not fit.
    """
    if len(budgets) and budgets[0] <= 0:
        raise UsageError("a logarithmic axis has no place for a budget of 0", got=budgets[0], wanted="budgets from 1 label on")
    return aubc(np.log(np.asarray(budgets, dtype=np.float64)), curve)  # type: ignore[arg-type]  # any increasing numbers serve


def thirds(budgets: Sequence[int], curve: ArrayLike, *, by: Literal["labels", "rounds"] = "labels") -> Array:
    """The area in the first, the middle and the last third of the budget.

    Args:
        budgets: (t,) increasing numbers of labels.
        curve: (..., t) accuracies.
        by: `labels` cuts the span of labels into three and interpolates at the cuts: the three average to `aubc` whatever the spacing. `rounds`
            averages the accuracies of a third of the rounds each, earlier thirds taking what does not divide: the form of published tables.

    Returns:
        (..., 3).

    Raises:
        UsageError: with one budget, or by rounds with fewer than three.

    Reference:
        Huseljic et al. 2026, arXiv 2603.13109 (thirds of the rounds).
    """
    x, y = np.asarray(budgets, dtype=np.float64), np.asarray(curve, dtype=np.float64)
    if x.size < (3 if by == "rounds" else 2):
        raise UsageError("too few budgets for thirds", got=x.size, wanted=f"at least {3 if by == 'rounds' else 2}")
    aubc(budgets, y)  # the checks of shape and order
    if by == "rounds":
        return np.stack([y[..., part].mean(axis=-1) for part in np.array_split(np.arange(x.size), 3)], axis=-1)
    # The running area at the two cuts; inside a trapezoid it is quadratic, so the accuracy at the cut is interpolated.
    step = np.diff(x)
    area = np.concatenate([np.zeros((*y.shape[:-1], 1)), np.cumsum((y[..., 1:] + y[..., :-1]) / 2 * step, axis=-1)], axis=-1)
    cuts = np.linspace(x[0], x[-1], 4)
    left = np.clip(np.searchsorted(x, cuts, side="right") - 1, 0, x.size - 2)
    into = cuts - x[left]
    slope = (y[..., left + 1] - y[..., left]) / step[left]
    at_cut = area[..., left] + into * (y[..., left] + slope * into / 2)
    return np.asarray(np.diff(at_cut, axis=-1) / (cuts[1] - cuts[0]))


def normalised_gain(area: ArrayLike, baseline: float, full: float) -> Any:
    """Gain over the baseline as a share of what labels could gain at all: (A − A_random) / (A_full − A_random).

    Args:
        area: (...) areas of a method, one per seed or their mean.
        baseline: Mean area of the baseline. One number: dividing seed by seed by a noisy difference has no useful mean.
        full: Accuracy with the whole pool labelled.

    Returns:
        (...); 0 is the baseline, 1 full accuracy from the first label on. NaN where the baseline leaves nothing to gain.
    """
    room = full - baseline
    gain = np.asarray(area, dtype=np.float64) - baseline
    return gain / room if room > _EPS else gain * np.nan


def deficiency(method: ArrayLike, baseline: ArrayLike, *, best: Literal["highest", "final"] = "highest") -> Any:
    """What a method falls short of the baseline's best accuracy, summed over the rounds and relative to the baseline's own shortfall.

    Args:
        method: (..., t) accuracies, usually a mean curve.
        baseline: (t,) mean curve of the baseline at the same budgets.
        best: The accuracy to be reached: the baseline's highest or its final one.

    Returns:
        (...); below 1 is better than the baseline, 0 is the best accuracy throughout, negative is above it. NaN where the baseline has no shortfall.

    Reference:
        Baram, El-Yaniv & Luz 2004, "Online Choice of Active Learning Algorithms", JMLR 5.
    """
    ours, theirs = np.asarray(method, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if theirs.ndim != 1 or not theirs.size or ours.ndim == 0 or ours.shape[-1] != theirs.size:
        raise UsageError("deficiency compares curves over the same budgets", got=f"{ours.shape} and {theirs.shape}", wanted="(..., t) and (t,)")
    top = theirs.max() if best == "highest" else theirs[-1]
    short, shortfall = (top - ours).sum(axis=-1), float((top - theirs).sum())
    return short / shortfall if shortfall > _EPS else short * np.nan


@dataclass(frozen=True, slots=True)
class SavingCurve:
    """The label-saving ratio over all accuracies of the baseline, on mean curves, for a plot.

    Attributes:
        at: (p,) accuracies, ascending.
        ratio: (p,) labels of the baseline / labels of the method; the bound where it is not exact, NaN where nothing is known.
        known: What `ratio` is at every accuracy. `at most`: the method does not get there within the budgets; `at least`: it was there from the start.
        labels: (p,) labels of the method, NaN where they were not measured.
        baseline_labels: (p,) labels of the baseline.
    """

    at: NDArray[np.float64]
    ratio: NDArray[np.float64]
    known: tuple[Known, ...]
    labels: NDArray[np.float64]
    baseline_labels: NDArray[np.float64]


def saving_curve(budgets: Sequence[int], method: ArrayLike, baseline: ArrayLike, *, points: int = 100, at: Sequence[float] | None = None) -> SavingCurve:
    """The label-saving ratio at every accuracy between the baseline's start and its end, after isotonic smoothing of the mean curves.

    Args:
        budgets: (t,) increasing numbers of labels.
        method: (n, t) accuracies, one row a seed.
        baseline: (n, t) accuracies, over the seeds that are shared.
        points: Accuracies, evenly spaced; the start itself, where the first labels are the same, is left out.
        at: Accuracies instead of these.

    Raises:
        UsageError: if the curves do not fit the budgets.
    """
    mine, base = (np.atleast_2d(np.asarray(curves, dtype=np.float64)).mean(axis=0) for curves in (method, baseline))
    rising = isotonic(base)
    wanted = np.linspace(rising[0], rising[-1], points + 1)[1:] if at is None else np.asarray(at, dtype=np.float64)
    wanted = np.unique(wanted)  # a flat baseline has one accuracy
    ours, theirs = (np.array([float(labels_to_reach(budgets, curve, level)) for level in wanted]) for curve in (mine, base))
    our_start, their_start = (wanted <= isotonic(curve)[0] + _EPS for curve in (mine, base))
    # Who was there from the start needs at most the first budget; who never gets there, more than the last. Each bounds the ratio on one side.
    low, high = our_start | np.isnan(theirs), np.isnan(ours) | their_start
    words: dict[tuple[bool, bool], Known] = {(False, False): "exact", (True, False): "at least", (False, True): "at most", (True, True): "unknown"}
    known = tuple(words[bool(a), bool(b)] for a, b in zip(low, high, strict=True))
    last = float(budgets[-1])
    ratio = np.where(low & high, np.nan, np.nan_to_num(theirs, nan=last) / np.nan_to_num(ours, nan=last))
    return SavingCurve(wanted, ratio, known, np.where(our_start, np.nan, ours), np.where(their_start, np.nan, theirs))


def saving_band(budgets: Sequence[int], method: ArrayLike, baseline: ArrayLike, at: ArrayLike, rng: np.random.Generator, *, draws: int = 1000) -> Array | None:
    """Pointwise 95 % bootstrap-t intervals of the label-saving ratio at many accuracies; what a resample does not reach counts as the whole budget.

    Args:
        budgets: (t,) increasing numbers of labels.
        method: (n, t) accuracies, one row a seed.
        baseline: (n, t) accuracies of the same seeds in the same order.
        at: (p,) accuracies.
        rng: Decides the resamples.
        draws: Resamples.

    Returns:
        (p, 2), or None below five seeds.
    """
    ours, theirs = (np.atleast_2d(np.asarray(curves, dtype=np.float64)) for curves in (method, baseline))

    def log_ratio(weights: Array) -> Array:
        base, mine = (np.nan_to_num(labels_at(budgets, weights @ curves, at), nan=float(budgets[-1])) for curves in (theirs, ours))
        return np.asarray(np.log(base) - np.log(mine))

    found = bootstrap_ts(log_ratio, len(ours), rng, draws=draws)
    return None if found is None else np.exp(found)


@dataclass(frozen=True, slots=True)
class Training:
    """Training on the labels chosen against training on the whole pool, at equal accuracy.

    Attributes:
        labels: The first measured budget at which the accuracy is held.
        seconds: Mean seconds of one training with so many labels.
        full_seconds: Seconds of one training with the whole pool.
    """

    labels: int
    seconds: float
    full_seconds: float

    @property
    def ratio(self) -> float:
        """Below 1, the chosen set trains faster. With a fixed number of optimiser steps it stays near 1 whatever was chosen."""
        return self.seconds / self.full_seconds


def training_at(
    budgets: Sequence[int], method: ArrayLike, seconds: Sequence[float], full_accuracy: float, full_seconds: float, *, shortfall: float = 0.0
) -> Training | None:
    """Seconds of training on the chosen set against the full set at equal accuracy.

    Args:
        budgets: (t,) increasing numbers of labels.
        method: (n, t) accuracies, one row a seed.
        seconds: (t,) mean seconds of the training of each round.
        full_accuracy: Accuracy with the whole pool labelled.
        full_seconds: Seconds of that training, above 0.
        shortfall: Accuracy below the full one that still counts as equal, stated beforehand.

    Returns:
        None where the mean curve, after isotonic smoothing, does not get there within the budgets.
    """
    mean = np.atleast_2d(np.asarray(method, dtype=np.float64)).mean(axis=0)
    if not (len(seconds) == len(budgets) == mean.size and full_seconds > 0):
        raise UsageError("a training time per budget is needed, and that of the full set", got=f"{len(seconds)} and {full_seconds:g}", wanted=len(budgets))
    reached = isotonic(mean) >= full_accuracy - shortfall - _EPS
    if not reached.any():
        return None
    place = int(reached.argmax())
    return Training(int(budgets[place]), float(seconds[place]), full_seconds)
