"""Comparing runs that share no seeds: Kruskal–Wallis for any difference, Games–Howell for which, Welch for two.

Pairs by seed are stronger wherever they exist; these are for curves of other studies and for seeds that mean nothing in common.

Reference:
    Kruskal & Wallis 1952; Games & Howell 1976; Welch 1947.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from querist.core.errors import UsageError
from querist.core.optional import require


@dataclass(frozen=True, slots=True)
class KruskalWallis:
    """Whether the distributions of k groups differ in location.

    Attributes:
        h: The statistic, corrected for ties.
        p: Its p value by chi-square with k − 1 degrees of freedom.
        groups: How many groups.
    """

    h: float
    p: float
    groups: int


@dataclass(frozen=True, slots=True)
class GamesHowell:
    """Two groups of unequal variances, adjusted for all pairs by the studentized range.

    Attributes:
        first: Name.
        second: Name.
        difference: Mean of the first − mean of the second.
        low: Lower end of the simultaneous interval.
        high: Upper end.
        p: Adjusted p value.
        df: Welch's degrees of freedom.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    df: float


def kruskal_wallis(groups: Mapping[str, Sequence[float]]) -> KruskalWallis:
    """The rank test of two or more independent groups.

    Args:
        groups: Name → values, seeds unpaired.

    Raises:
        UsageError: with fewer than two groups or an empty one.
    """
    values = [np.asarray(group, dtype=np.float64) for group in groups.values()]
    if len(values) < 2 or any(not group.size for group in values):
        raise UsageError("Kruskal–Wallis compares two or more groups that have values", got={name: len(group) for name, group in groups.items()})
    if np.ptp(np.concatenate(values)) == 0:
        return KruskalWallis(0.0, 1.0, len(values))  # nothing but ties
    found = require("scipy.stats", by="comparing methods").kruskal(*values)
    return KruskalWallis(float(found.statistic), float(found.pvalue), len(values))


def games_howell(groups: Mapping[str, Sequence[float]], *, level: float = 0.95) -> list[GamesHowell]:
    """All pairs of independent groups, variances and sizes unequal.

    Args:
        groups: Name → values, at least two each.
        level: Simultaneous coverage of the intervals.

    Returns:
        One row a pair, in the order of the groups.

    Raises:
        UsageError: with fewer than two groups or a group without a variance.
    """
    values = {name: np.asarray(group, dtype=np.float64) for name, group in groups.items()}
    if len(values) < 2 or any(group.size < 2 for group in values.values()):
        raise UsageError("Games–Howell compares two or more groups of two or more values", got={name: len(group) for name, group in groups.items()})
    spread = require("scipy.stats", by="comparing methods").studentized_range
    rows, k = [], len(values)
    for (first, x), (second, y) in combinations(values.items(), 2):
        gap = float(x.mean() - y.mean())
        error, df = welch_error(x, y)
        if error == 0:  # two constants
            rows.append(GamesHowell(first, second, gap, gap, gap, 1.0 if gap == 0 else 0.0, df))
            continue
        half = float(spread.ppf(level, k, df)) * error / math.sqrt(2)
        p = float(spread.sf(math.sqrt(2) * abs(gap) / error, k, df))
        rows.append(GamesHowell(first, second, gap, gap - half, gap + half, min(1.0, max(0.0, p)), df))
    return rows


def welch_error(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Standard error of the difference of two independent means, and its degrees of freedom by Welch and Satterthwaite.

    Args:
        x: At least two values.
        y: At least two values.
    """
    sizes = len(x), len(y)
    if min(sizes) < 2:
        raise UsageError("a group of one value has no variance", got=f"{sizes[0]} and {sizes[1]} values", wanted="at least 2 each")
    a, b = float(np.var(x, ddof=1)) / sizes[0], float(np.var(y, ddof=1)) / sizes[1]
    if a + b == 0:
        return 0.0, float(sum(sizes) - 2)
    return math.sqrt(a + b), (a + b) ** 2 / (a**2 / (sizes[0] - 1) + b**2 / (sizes[1] - 1))
