"""Sameness, shown: two one-sided tests against a margin stated beforehand, and non-inferiority, for pairs and for independent runs.

A difference that is not significant shows nothing; a small one that is bounded on both sides does.

Reference:
    Schuirmann 1987 (two one-sided tests); Welch 1947.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from querist.bench.statistics import LEAST_SEEDS, MARGIN, paired_t
from querist.bench.unpaired import welch_error
from querist.core.errors import UsageError
from querist.core.optional import require


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean difference with what a t test needs of it.

    Attributes:
        n: Pairs, or the smaller of two independent groups.
        difference: Method − baseline.
        error: Its standard error.
        df: Degrees of freedom.
    """

    n: int
    difference: float
    error: float
    df: float


@dataclass(frozen=True, slots=True)
class Sameness:
    """The outcome of a test of equivalence or of non-inferiority.

    Attributes:
        n: Pairs, or the smaller of two independent groups.
        difference: Method − baseline.
        low: Lower end of the interval with coverage 1 − 2 alpha.
        high: Upper end; infinite for non-inferiority, whose interval has coverage 1 − alpha and one end.
        margin: What counts as the same, stated beforehand.
        p: Of equivalence the larger of both one-sided p values.
        shown: p is below alpha, with at least five seeds.
    """

    n: int
    difference: float
    low: float
    high: float
    margin: float
    p: float
    shown: bool


def paired(method: Mapping[int, float], baseline: Mapping[int, float]) -> Estimate:
    """The mean paired difference over shared seeds.

    Args:
        method: Seed → value.
        baseline: Seed → value.

    Raises:
        UsageError: with fewer than two shared seeds.
    """
    found = paired_t(method, baseline)
    if found.sd is None:
        raise UsageError("a difference of one pair has no error", got=found.n, wanted="at least 2 shared seeds")
    return Estimate(found.n, found.difference, found.sd / found.n**0.5, found.n - 1)


def independent(method: Sequence[float], baseline: Sequence[float]) -> Estimate:
    """The difference of the means of independent runs, variances and sizes unequal.

    Args:
        method: At least two values.
        baseline: At least two values.
    """
    error, df = welch_error(method, baseline)
    return Estimate(min(len(method), len(baseline)), float(np.mean(method) - np.mean(baseline)), error, df)


def equivalence(found: Estimate, margin: float = MARGIN, *, alpha: float = 0.05) -> Sameness:
    """Whether the difference lies within ± margin: two one-sided tests, the same as an interval of coverage 1 − 2 alpha inside.

    Args:
        found: From `paired` or `independent`.
        margin: Half-width of the zone, above 0.
        alpha: Level of each side, and of the whole.
    """
    below, above = _p_above(found, -margin), _p_above(Estimate(found.n, -found.difference, found.error, found.df), -margin)
    return _sameness(found, _checked(margin), max(below, above), alpha, two_sided=True)


def non_inferiority(found: Estimate, margin: float = MARGIN, *, alpha: float = 0.05) -> Sameness:
    """Whether the method is no more than the margin below the baseline; how far above is left open.

    Args:
        found: From `paired` or `independent`.
        margin: Loss that is accepted, above 0.
        alpha: One-sided level.
    """
    return _sameness(found, _checked(margin), _p_above(found, -margin), alpha, two_sided=False)


def _checked(margin: float) -> float:
    if not margin > 0:
        raise UsageError("sameness needs a margin", got=margin, wanted="a number above 0")
    return margin


def _p_above(found: Estimate, bound: float) -> float:
    """One-sided p value of the claim that the difference is above the bound."""
    gap = found.difference - bound
    if found.error <= 1e-15 * max(1.0, abs(found.difference)):  # equal differences: the interval is the point
        return 0.0 if gap > 0 else 1.0
    return float(require("scipy.stats", by="comparing methods").t.sf(gap / found.error, found.df))


def _sameness(found: Estimate, margin: float, p: float, alpha: float, *, two_sided: bool) -> Sameness:
    half = float(require("scipy.stats", by="comparing methods").t.ppf(1 - alpha, found.df)) * found.error
    high = found.difference + half if two_sided else float("inf")
    return Sameness(found.n, found.difference, found.difference - half, high, margin, p, p < alpha and found.n >= LEAST_SEEDS)
