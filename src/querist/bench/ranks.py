"""Methods ranked over data sets: Friedman with Iman–Davenport, Nemenyi, Wilcoxon with Holm, and the groups that are not separated.

Blocks are data sets, `n` of them; two batch sizes of one data set are no two blocks. `k` methods. Ranks hide sizes: show accuracies beside them.

Reference:
    Demšar 2006, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7; Pratt 1959; Holm 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from querist.bench.statistics import holm
from querist.core.errors import UsageError
from querist.core.optional import require

Array = NDArray[np.float64]
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Friedman:
    """Whether k methods differ at all over n blocks.

    Attributes:
        ranks: (k,) mean ranks, 1 is the highest score, ties shared.
        chi2: Friedman's statistic, corrected for ties.
        p_chi2: Its p value, conservative.
        f: Iman and Davenport's statistic; infinite where all blocks agree entirely.
        p: Its p value, the one to use.
    """

    ranks: tuple[float, ...]
    chi2: float
    p_chi2: float
    f: float
    p: float


@dataclass(frozen=True, slots=True)
class PairTest:
    """A Wilcoxon signed-rank test of two methods, adjusted by Holm over its family.

    Attributes:
        first: Place of the first method.
        second: Place of the second.
        p_unadjusted: Exact, two-sided.
        p: After Holm.
    """

    first: int
    second: int
    p_unadjusted: float
    p: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a critical-difference diagram shows.

    Attributes:
        methods: Names, best mean rank first.
        ranks: Their mean ranks.
        cliques: Largest groups of two or more within which no pair is separated, by name, best first.
        cd: Nemenyi's critical difference; None for Wilcoxon–Holm, which has none.
        test: `Nemenyi` or `Wilcoxon–Holm`.
        n: Blocks.
        omnibus: Friedman's test; None for two methods.
    """

    methods: tuple[str, ...]
    ranks: tuple[float, ...]
    cliques: tuple[tuple[str, ...], ...]
    cd: float | None
    test: str
    n: int
    omnibus: Friedman | None


def mean_ranks(scores: ArrayLike) -> Array:
    """Mean rank of every method over the blocks; 1 is the highest score, equal scores share their ranks.

    Args:
        scores: (n, k), higher is better.
    """
    values = _scores(scores)
    stats = require("scipy.stats", by="ranking methods")
    return np.asarray(stats.rankdata(-values, axis=1).mean(axis=0))


def friedman(scores: ArrayLike) -> Friedman:
    """Friedman's test and its less conservative F form by Iman and Davenport.

    Args:
        scores: (n, k), higher is better, n ≥ 2, k ≥ 3.

    Raises:
        UsageError: if the table is too small or not finite.
    """
    values = _scores(scores)
    n, k = values.shape
    if n < 2 or k < 3:
        raise UsageError("Friedman's test is of three or more methods over two or more data sets", got=f"{n} data sets, {k} methods")
    ranks = mean_ranks(values)
    if np.all(values == values[:, :1]):
        return Friedman(tuple(ranks.tolist()), 0.0, 1.0, 0.0, 1.0)  # nothing but ties
    stats = require("scipy.stats", by="ranking methods")
    chi2, p_chi2 = (float(part) for part in stats.friedmanchisquare(*values.T))
    rest = n * (k - 1) - chi2
    f = (n - 1) * chi2 / rest if rest > 1e-9 * chi2 else math.inf
    return Friedman(tuple(ranks.tolist()), chi2, p_chi2, f, float(stats.f.sf(f, k - 1, (k - 1) * (n - 1))))


def nemenyi_cd(k: int, n: int, *, alpha: float = 0.05) -> float:
    """Nemenyi's critical difference of mean ranks: q √(k(k+1) / 6n), q the studentized range at infinite degrees of freedom over √2.

    Args:
        k: Methods, at least 2.
        n: Blocks, at least 1.
        alpha: Family-wise level.
    """
    if k < 2 or n < 1:
        raise UsageError("a critical difference is of two or more methods over one or more data sets", got=f"{k} methods, {n} data sets")
    stats = require("scipy.stats", by="ranking methods")
    return float(stats.studentized_range.ppf(1 - alpha, k, np.inf)) / math.sqrt(2) * math.sqrt(k * (k + 1) / (6 * n))


def blocks_needed(comparisons: int, *, alpha: float = 0.05) -> int:
    """Fewest blocks with which an exact two-sided Wilcoxon test can pass the first threshold of Holm: 2 / 2ⁿ · comparisons < alpha."""
    n = 1
    while 2 * comparisons >= alpha * 2**n:
        n += 1
    return n


def wilcoxon_p(differences: ArrayLike) -> float:
    """Exact two-sided p value of the signed-rank test, zeros treated as Pratt 1959: ranked, then left out.

    The distribution over all flips of sign is summed exactly, also with ties and zeros, where scipy falls back on a normal approximation or on
    random permutations according to its version.

    Args:
        differences: (n,).
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 1 or not d.size or not np.isfinite(d).all():
        raise UsageError("a signed-rank test needs finite differences", got=f"{d.size} of shape {d.shape}", wanted="at least one")
    doubled = np.rint(2 * require("scipy.stats", by="ranking methods").rankdata(np.abs(d))).astype(np.int64)
    ranks, positive = doubled[d != 0], doubled[d > 0].sum()
    chance = np.ones(1)
    for rank in ranks:
        flipped = np.zeros(chance.size + rank)
        flipped[: chance.size] += chance / 2
        flipped[rank:] += chance / 2
        chance = flipped
    tail = min(positive, ranks.sum() - positive)
    return min(1.0, 2 * float(chance[: tail + 1].sum()))


def wilcoxon_holm(scores: ArrayLike, *, against: int | None = None, alpha: float = 0.05) -> list[PairTest]:
    """Wilcoxon signed-rank tests over blocks, adjusted by Holm.

    Args:
        scores: (n, k), higher is better.
        against: Only comparisons with this column; None compares all pairs.
        alpha: Level that must be attainable.

    Returns:
        One test a pair, columns ascending.

    Raises:
        UsageError: with fewer blocks than would let the smallest possible p value pass Holm's first threshold; it names how many are needed.
    """
    values = _scores(scores)
    n, k = values.shape
    pairs = [pair for pair in combinations(range(k), 2) if against is None or against in pair]
    needed = blocks_needed(len(pairs), alpha=alpha)
    if n < needed:
        raise UsageError(
            f"Wilcoxon with Holm over {len(pairs)} comparisons cannot show a difference on so few data sets",
            got=n,
            wanted=f"at least {needed}: the smallest p value is 2 / 2^n, the first threshold {alpha:g} / {len(pairs)}",
        )
    found = [wilcoxon_p(values[:, i] - values[:, j]) for i, j in pairs]
    adjusted = holm(found)
    return [PairTest(i, j, p, 1.0 if q is None else q) for (i, j), p, q in zip(pairs, found, adjusted, strict=True)]


def cliques(k: int, separated: Sequence[Pair]) -> list[tuple[int, ...]]:
    """The largest groups of at least two methods within which no pair is separated.

    Args:
        k: Methods, numbered by rank.
        separated: Pairs that a test tells apart; all others are joined.

    Returns:
        Ascending groups, sorted. A method told apart from all others is in none. A group need not be consecutive: with Wilcoxon–Holm
        the ends of a group may be joined and a method between them be apart from one of them.
    """
    apart = {frozenset(pair) for pair in separated}
    joined = {i: {j for j in range(k) if j != i and frozenset((i, j)) not in apart} for i in range(k)}
    found: list[tuple[int, ...]] = []

    def grow(group: set[int], candidates: set[int], done: set[int]) -> None:  # Bron and Kerbosch 1973, with a pivot
        if not candidates and not done:
            if len(group) > 1:
                found.append(tuple(sorted(group)))
            return
        pivot = max(candidates | done, key=lambda i: len(joined[i] & candidates))
        for i in sorted(candidates - joined[pivot]):
            grow(group | {i}, candidates & joined[i], done & joined[i])
            candidates = candidates - {i}
            done = done | {i}

    grow(set(), set(range(k)), set())
    return sorted(found)


def ranking_by_nemenyi(scores: ArrayLike, methods: Sequence[str], *, alpha: float = 0.05) -> Ranking:
    """Mean ranks and the groups that lie within Nemenyi's critical difference. With few data sets it can hardly separate anything.

    Args:
        scores: (n, k), one row a data set, higher is better.
        methods: (k,) names.
        alpha: Family-wise level.
    """
    values, ranks, order = _ordered(scores, methods)
    cd = nemenyi_cd(len(methods), len(values), alpha=alpha)
    apart = [(i, j) for i, j in combinations(range(len(methods)), 2) if ranks[j] - ranks[i] >= cd]
    return _ranking(values, ranks, [methods[i] for i in order], apart, cd, "Nemenyi")


def ranking_by_wilcoxon(scores: ArrayLike, methods: Sequence[str], *, alpha: float = 0.05) -> Ranking:
    """Mean ranks and the groups that Wilcoxon tests of all pairs, adjusted by Holm, do not separate.

    Args:
        scores: (n, k), one row a data set, higher is better.
        methods: (k,) names.
        alpha: Family-wise level.

    Raises:
        UsageError: with too few data sets; see `wilcoxon_holm`.
    """
    values, ranks, order = _ordered(scores, methods)
    apart = [(test.first, test.second) for test in wilcoxon_holm(values, alpha=alpha) if test.p < alpha]
    return _ranking(values, ranks, [methods[i] for i in order], apart, None, "Wilcoxon–Holm")


def _ordered(scores: ArrayLike, methods: Sequence[str]) -> tuple[Array, Array, Sequence[int]]:
    values = _scores(scores)
    if values.shape[1] != len(methods):
        raise UsageError("a table of scores needs one column a method", got=values.shape[1], wanted=len(methods))
    ranks = mean_ranks(values)
    order = np.argsort(ranks, kind="stable")
    return values[:, order], ranks[order], [int(i) for i in order]


def _ranking(values: Array, ranks: Array, names: Sequence[str], apart: Sequence[Pair], cd: float | None, test: str) -> Ranking:
    groups = tuple(tuple(names[i] for i in group) for group in cliques(len(names), apart))
    n, k = values.shape
    return Ranking(tuple(names), tuple(float(rank) for rank in ranks), groups, cd, test, n, friedman(values) if k > 2 and n > 1 else None)


def _scores(scores: ArrayLike) -> Array:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or not values.size:
        raise UsageError("ranks need a table of scores", got=f"shape {values.shape}", wanted="(data sets, methods)")
    if not np.isfinite(values).all():
        raise UsageError("a method without a score on a data set cannot be ranked there", got="a value that is not finite", wanted="leave out one of them")
    return values
