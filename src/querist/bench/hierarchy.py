"""A mean difference, or a label saving, over data sets: the bootstrap that draws data sets first and then seeds within them.

Reference:
    Davison & Hinkley 1997, section 3.8 (resampling of nested data); Efron 1981 (bootstrap-t).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from querist.bench.measures import Target, log_saving
from querist.bench.statistics import shared_seeds
from querist.core.errors import UsageError

Array = NDArray[np.float64]
Form = Literal["studentised", "percentile"]
Resampled = Callable[[int], Array]
"""How many → so many values of one data set, each under seeds drawn anew."""

LEAST_SETS = 4
"""Below this number of data sets no interval is given: with three, even the studentised one covers 91 % instead of 95 %."""


@dataclass(frozen=True, slots=True)
class AcrossSets:
    """A mean difference over data sets, every data set weighing the same.

    Attributes:
        sets: Data sets.
        runs: Paired differences in all.
        difference: Mean of the data sets' mean differences, positive where the method is better.
        low: Lower end of the 95 % interval for further data sets of the kind; None below `LEAST_SETS`.
        high: Upper end.
        better: Data sets whose mean difference is above zero.
    """

    sets: int
    runs: int
    difference: float
    low: float | None
    high: float | None
    better: int


def paired_differences(method: Mapping[int, float], baseline: Mapping[int, float]) -> list[float]:
    """Method − baseline of the shared seeds, ascending by seed."""
    return [method[seed] - baseline[seed] for seed in shared_seeds(method, baseline)]


def across_sets(
    differences: Mapping[str, Sequence[float]], rng: np.random.Generator, *, draws: int = 10_000, level: float = 0.95, form: Form = "studentised"
) -> AcrossSets:
    """The mean difference over data sets with a hierarchical bootstrap interval: data sets are drawn, then seeds within each one drawn.

    The percentile form is the one usually printed. With few data sets it is too short: of 600 simulated collections of normal differences, equal
    in spread between sets and between seeds (10 seeds), it held the truth in 85, 89, 91 and 93 % with 4, 5, 8 and 20 data sets; the studentised
    form held it in 96, 96, 95 and 95 %. Hence the default.

    Args:
        differences: Data set → paired differences, one per shared seed.
        rng: Decides the resamples.
        draws: Resamples.
        level: Coverage.
        form: `studentised` divides every resampled mean by its own error over the data sets; `percentile` takes the resampled means as they are.

    Raises:
        UsageError: if there is no data set or one without differences.
    """
    groups = [np.asarray(group, dtype=np.float64) for group in differences.values()]
    if not groups or any(group.size == 0 or not np.isfinite(group).all() for group in groups):
        raise UsageError("a mean over data sets needs finite differences on each", got={name: len(group) for name, group in differences.items()})

    def resampled(group: Array) -> Resampled:
        return lambda count: group[rng.integers(0, group.size, (count, group.size))].mean(axis=1)

    means = [resampled(group) for group in groups]
    return _across(np.array([group.mean() for group in groups]), means, sum(group.size for group in groups), rng, draws, level, form)


@dataclass(frozen=True, slots=True)
class Pair:
    """The curves of a method and of the baseline on one data set.

    Attributes:
        budgets: (t,) numbers of labels.
        method: (n, t) accuracies, one row a shared seed.
        baseline: (n, t) accuracies of the same seeds in the same order.
    """

    budgets: Sequence[int]
    method: Array
    baseline: Array


def savings_across(
    pairs: Mapping[str, Pair], target: Target, rng: np.random.Generator, *, draws: int = 2000, level: float = 0.95, form: Form = "studentised"
) -> AcrossSets:
    """The label-saving ratio over data sets, by its logarithm: mean curves within each set, their mean over sets, the same two levels of resampling.

    What a method does not reach counts as the whole budget, so that a loser's ratio is a bound.

    Args:
        pairs: Data set → curves.
        target: The accuracy at which labels are compared, in every set and resample its own.
        rng: Decides the resamples.
        draws: Resamples.
        level: Coverage.
        form: As in `across_sets`.

    Returns:
        Means and ends of the natural logarithm of labels of the baseline over labels of the method; `better` counts the sets where it saves.

    Raises:
        UsageError: if there is no data set or one without shared seeds.
    """
    if not pairs or any(len(pair.method) == 0 or len(pair.method) != len(pair.baseline) for pair in pairs.values()):
        raise UsageError("savings over data sets need curves of shared seeds on each", got={name: len(pair.method) for name, pair in pairs.items()})

    def under(pair: Pair, weights: Array) -> Array:
        return log_saving(pair.budgets, pair.method, pair.baseline, target, weights)

    def resampled(pair: Pair) -> Resampled:
        n = len(pair.method)
        return lambda count: under(pair, rng.multinomial(n, np.full(n, 1 / n), size=count) / n)

    listed = list(pairs.values())
    own = np.concatenate([under(pair, np.full((1, len(pair.method)), 1 / len(pair.method))) for pair in listed])
    return _across(own, [resampled(pair) for pair in listed], sum(len(pair.method) for pair in listed), rng, draws, level, form)


def _across(own: Array, sets: Sequence[Resampled], runs: int, rng: np.random.Generator, draws: int, level: float, form: Form) -> AcrossSets:
    low, high = _interval(own, _resampled(sets, rng, draws), level, form) if len(sets) >= LEAST_SETS else (None, None)
    return AcrossSets(len(sets), runs, float(own.mean()), low, high, int((own > 0).sum()))


def _resampled(sets: Sequence[Resampled], rng: np.random.Generator, draws: int) -> Array:
    """(draws, sets) values of the data sets drawn, each under seeds drawn anew every time that it comes up."""
    drawn = rng.integers(0, len(sets), (draws, len(sets)))
    values = np.empty(drawn.shape)
    for place, resampled in enumerate(sets):
        here = drawn == place
        values[here] = resampled(int(here.sum()))
    return values


def _interval(own: Array, means: Array, level: float, form: Form) -> tuple[float, float]:
    centre, root, tails = float(own.mean()), math.sqrt(own.size), [(1 - level) / 2, (1 + level) / 2]
    error = float(own.std(ddof=1)) / root
    resampled = means.mean(axis=1)
    if form == "percentile" or error == 0:
        low, high = np.quantile(resampled, tails)
        return float(low), float(high)
    errors = means.std(axis=1, ddof=1) / root
    usable = errors > 0.1 * error  # a resample of one data set has hardly a spread to divide by
    low_t, high_t = np.quantile((resampled[usable] - centre) / errors[usable], tails)
    return centre - float(high_t) * error, centre - float(low_t) * error
