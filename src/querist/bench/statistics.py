"""What may be said about a difference: paired intervals, adjustment for many comparisons, verdicts, and what could have been seen.

Reference: Student's paired t; Holm 1979; Schuirmann 1987 (two one-sided tests as the 90 % interval); Efron 1981 (bootstrap-t).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import UsageError
from querist.core.optional import require

Array = NDArray[np.float64]
Verdict = Literal["better", "worse", "equivalent", "no difference shown", "no verdict"]

LEAST_SEEDS = 5
"""Below this no verdict is given."""
MARGIN = 0.005
"""Half a point of accuracy: differences inside are called equivalent."""


@dataclass(frozen=True, slots=True)
class PairedT:
    """A paired t interval of method − baseline; None where n is too small for it.

    Attributes:
        n: Shared seeds.
        difference: Mean difference, positive where the method is better.
        sd: Standard deviation of the differences.
        low: Lower end of the 95 % interval.
        high: Upper end.
        low90: Lower end of the 90 % interval, for equivalence.
        high90: Upper end.
        p: Two-sided, not adjusted.
    """

    n: int
    difference: float
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    low90: float | None = None
    high90: float | None = None
    p: float | None = None


def shared_seeds(method: Mapping[int, object], baseline: Mapping[int, object]) -> list[int]:
    """Seeds that both have, ascending: pairs are joined by seed id, never by position."""
    return sorted(set(method) & set(baseline))


def paired_t(method: Mapping[int, float], baseline: Mapping[int, float]) -> PairedT:
    """The paired t interval over shared seeds.

    Args:
        method: Seed → value.
        baseline: Seed → value.

    Raises:
        UsageError: if no seed is shared.
    """
    seeds = shared_seeds(method, baseline)
    if not seeds:
        raise UsageError("no shared seeds to compare", got=f"{sorted(method)} and {sorted(baseline)}")
    d = np.array([method[seed] - baseline[seed] for seed in seeds], dtype=np.float64)
    n, mean = len(d), float(d.mean())
    if n < 2:
        return PairedT(n, mean)
    sd = float(d.std(ddof=1))
    error = sd / math.sqrt(n)
    t = require("scipy.stats", by="comparing methods").t(n - 1)
    wide, narrow = float(t.ppf(0.975)) * error, float(t.ppf(0.95)) * error
    if sd <= 1e-15 * max(1.0, abs(mean)):  # equal differences: the interval is the point
        p = 1.0 if mean == 0 else 0.0
    else:
        p = 2 * float(t.sf(abs(mean) / error))
    return PairedT(n, mean, sd, mean - wide, mean + wide, mean - narrow, mean + narrow, p)


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment over a family of tests, in the order given; None (no test was possible) is passed through.

    Args:
        p: Unadjusted p values.
    """
    tests = sorted((value, place) for place, value in enumerate(p) if value is not None)
    adjusted: list[float | None] = [None] * len(p)
    worst = 0.0
    for rank, (value, place) in enumerate(tests):
        worst = max(worst, min(1.0, (len(tests) - rank) * value))
        adjusted[place] = worst
    return adjusted


def verdict(found: PairedT, adjusted_p: float | None, margin: float = MARGIN) -> Verdict:
    """The one word that a comparison earns.

    Args:
        found: The paired interval.
        adjusted_p: Its p value after `holm`.
        margin: Half-width of the zone of equivalence.
    """
    if found.n < LEAST_SEEDS or found.low is None or found.high is None or found.low90 is None or found.high90 is None:
        return "no verdict"
    if adjusted_p is not None and adjusted_p < 0.05 and not found.low <= 0 <= found.high:
        return "better" if found.difference > 0 else "worse"
    return "equivalent" if -margin <= found.low90 and found.high90 <= margin else "no difference shown"


def judged(pairs: Sequence[PairedT], margin: float = MARGIN) -> list[tuple[float | None, Verdict]]:
    """The adjusted p value and the verdict of each comparison of a family, in the order given.

    Args:
        pairs: All comparisons that are told together.
        margin: As in `verdict`.
    """
    return [(p, verdict(pair, p, margin)) for pair, p in zip(pairs, holm([pair.p for pair in pairs]), strict=True)]


def detectable_difference(sd: float, n: int, *, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """The smallest true difference that n pairs would have found with the given power.

    Args:
        sd: Standard deviation of the paired differences.
        n: Pairs; below 2 there is none.
        alpha: Two-sided level.
        power: Probability of finding it.
    """
    if n < 2:
        return None
    stats, optimize = require("scipy.stats", by="comparing methods"), require("scipy.optimize", by="comparing methods")
    critical = float(stats.t.ppf(1 - alpha / 2, n - 1))

    def missing(noncentrality: float) -> float:
        return float(stats.nct.sf(critical, n - 1, noncentrality)) - power

    return float(optimize.brentq(missing, 0.01, 10 * critical)) * sd / math.sqrt(n)


def seeds_needed(sd: float, difference: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """The fewest pairs that find a true difference with the given power: the inverse of `detectable_difference`.

    Args:
        sd: Standard deviation of the paired differences, from a pilot study.
        difference: True difference to be found, above 0, in the unit of sd.
        alpha: Two-sided level; divide it by the number of comparisons to plan for Holm's first step.
        power: Probability of finding it.

    Returns:
        At least 2; a verdict needs `LEAST_SEEDS` whatever the power.

    Raises:
        UsageError: if the difference is not above 0 or the deviation is negative.
    """
    if not (difference > 0 and sd >= 0 and math.isfinite(sd)):
        raise UsageError("seeds can be counted for a difference above 0", got=f"difference {difference:g}, deviation {sd:g}")
    if sd == 0:
        return 2
    stats, size = require("scipy.stats", by="comparing methods"), difference / sd
    # With a known deviation this many would do; the t test needs a few more.
    n = max(2, math.floor(((float(stats.norm.ppf(1 - alpha / 2)) + float(stats.norm.ppf(power))) / size) ** 2))
    while float(stats.nct.sf(stats.t.ppf(1 - alpha / 2, n - 1), n - 1, size * math.sqrt(n))) < power:
        n += 1
    return n


def bootstrap_t(statistic: Callable[[Array], Array], n: int, rng: np.random.Generator, *, draws: int = 2000, level: float = 0.95) -> tuple[float, float] | None:
    """Bootstrap-t interval of a statistic of weighted seeds, with jackknife standard errors inside and outside.

    Args:
        statistic: Weightings (m, n), rows summing to 1 → values (m,), finite.
        n: Seeds.
        rng: Decides the resamples.
        draws: Resamples.
        level: Coverage.

    Returns:
        (low, high), the point itself where the statistic does not vary, or None below `LEAST_SEEDS`.
    """
    found = bootstrap_ts(lambda weights: statistic(weights)[:, None], n, rng, draws=draws, level=level)
    return None if found is None else (float(found[0, 0]), float(found[0, 1]))


def bootstrap_ts(statistic: Callable[[Array], Array], n: int, rng: np.random.Generator, *, draws: int = 2000, level: float = 0.95) -> Array | None:
    """The same of several statistics at once, under the same resamples: pointwise intervals along a curve.

    Args:
        statistic: Weightings (m, n), rows summing to 1 → values (m, p), finite.
        n: Seeds.
        rng: Decides the resamples.
        draws: Resamples.
        level: Coverage of each.

    Returns:
        (p, 2), or None below `LEAST_SEEDS`.
    """
    if n < LEAST_SEEDS:
        return None
    whole = np.ones((1, n))
    centre, error = statistic(whole / n)[0], _jackknife(statistic, whole)[0]
    ends = np.stack([centre, centre], axis=1)
    if not (error > 1e-12).any():
        return ends
    counts = rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float64)
    # Resamples with hardly a spread to divide by lengthen the interval and cover no more: those of one or two seeds, and those
    # with a tenth of the standard error.
    counts = counts[(counts > 0).sum(axis=1) >= 3]
    values, errors = statistic(counts / n), _jackknife(statistic, counts)
    tail = (1 - level) / 2
    for place in np.flatnonzero(error > 1e-12):
        usable = errors[:, place] > 0.1 * error[place]
        t = (values[usable, place] - centre[place]) / errors[usable, place]
        ends[place] = centre[place] - np.quantile(t, [1 - tail, tail]) * error[place]
    return ends


def _jackknife(statistic: Callable[[Array], Array], counts: Array) -> Array:
    """Standard errors (m, p) of statistics under resamples given as counts (m, n), leaving out one draw at a time."""
    m, n = counts.shape
    left = np.maximum(counts[:, None, :] - np.eye(n), 0)
    left /= left.sum(axis=-1, keepdims=True)
    values = statistic(left.reshape(m * n, n)).reshape(m, n, -1)
    mean = (counts[..., None] * values).sum(axis=1, keepdims=True) / n
    return np.asarray(np.sqrt((n - 1) / n * (counts[..., None] * (values - mean) ** 2).sum(axis=1)))
