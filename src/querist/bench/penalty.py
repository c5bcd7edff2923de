"""Who beats whom, over settings: the pairwise penalty matrix of Ash et al. 2020, and wins, ties and losses by paired intervals.

Every test inside is unadjusted and checkpoints of one curve are strongly correlated: of two equal methods each beats the other in about
2.5 % of the cells. The matrix summarises many settings; no verdict hangs on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from querist.bench.spec import BASELINE
from querist.bench.statistics import LEAST_SEEDS, PairedT, shared_seeds
from querist.core.errors import UsageError
from querist.core.optional import require

Curves = Mapping[int, Sequence[float]]
"""Seed → one accuracy per budget."""
SATURATED = 0.99
"""Checkpoints end where the baseline has this share of its final accuracy."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One data set under one recipe, budget and batch: the curves of every method that ran.

    Attributes:
        budgets: (t,) increasing numbers of labels.
        curves: Method → seed → accuracies.
    """

    budgets: Sequence[int]
    curves: Mapping[str, Curves]


@dataclass(frozen=True, slots=True)
class PenaltyMatrix:
    """How often each method beats each other one.

    Attributes:
        methods: Rows and columns.
        matrix: (k, k); [i, j] is the number of settings, counted in shares of their checkpoints, in which i beats j.
        settings: (k, k) settings in which i and j could be compared: the largest value that the cell could have.
        column_means: (k,) how often a method is beaten, the zero of its own cell counted as published; lower is better.
        row_means: (k,) how often it beats others; higher is better.
        checkpoints: (number of settings,) checkpoints in each.
    """

    methods: tuple[str, ...]
    matrix: NDArray[np.float64]
    settings: NDArray[np.int64]
    column_means: NDArray[np.float64]
    row_means: NDArray[np.float64]
    checkpoints: tuple[int, ...]


def checkpoints(budgets: Sequence[int], baseline: Sequence[float]) -> list[int]:
    """Places of m₀, m₀ + B, m₀ + 2B, m₀ + 4B, … until the baseline is past 99 % of its final accuracy.

    B is the distance of the first two budgets. Where a doubled size was not measured (a last, smaller batch), the next measured budget stands for it.

    Args:
        budgets: (t,) increasing numbers of labels.
        baseline: (t,) mean accuracy of the baseline.

    Returns:
        Ascending places in `budgets`, the first always among them.
    """
    sizes = np.asarray(budgets, dtype=np.float64)
    if sizes.size != len(baseline) or not sizes.size or np.any(np.diff(sizes) <= 0):
        raise UsageError("checkpoints need one baseline accuracy per increasing budget", got=f"{len(baseline)} accuracies", wanted=sizes.size)
    places, reach = [0], sizes[1] - sizes[0] if sizes.size > 1 else 0.0
    while reach and sizes[0] + reach <= sizes[-1]:
        place = int(np.searchsorted(sizes, sizes[0] + reach))
        if baseline[place] > SATURATED * baseline[-1]:
            break
        if place != places[-1]:
            places.append(place)
        reach *= 2
    return places


def penalty_matrix(settings: Iterable[Setting], methods: Sequence[str], *, baseline: str = BASELINE) -> PenaltyMatrix:
    """The pairwise penalty matrix: at every checkpoint, i beats j if the paired two-sided t test at 5 % says so, worth 1 / number of checkpoints.

    Pairs are joined by seed id. A pair of methods with fewer than two shared seeds in a setting is not compared there.

    Args:
        settings: Data sets under their recipes and batches.
        methods: Rows and columns; a setting need not have them all.
        baseline: Decides the checkpoints by its mean over all of its seeds.

    Raises:
        UsageError: if a setting lacks the baseline.

    Reference:
        Ash et al. 2020, arXiv 1906.03671. Their rows are winners, too; their published code pairs the first five runs by position.
    """
    k = len(methods)
    matrix, counts, lengths = np.zeros((k, k)), np.zeros((k, k), dtype=np.int64), []
    for setting in settings:
        if not setting.curves.get(baseline):
            raise UsageError("a setting of the penalty matrix lacks its baseline", got=sorted(setting.curves), wanted=baseline)
        places = checkpoints(setting.budgets, list(np.mean(list(setting.curves[baseline].values()), axis=0)))
        lengths.append(len(places))
        for i, first in enumerate(methods):
            for j in range(i + 1, k):
                ours, theirs = setting.curves.get(first, {}), setting.curves.get(methods[j], {})
                if len(shared_seeds(ours, theirs)) < 2:
                    continue
                counts[[i, j], [j, i]] += 1
                signs = _signs(ours, theirs, places)
                matrix[i, j] += (signs > 0).sum() / len(places)
                matrix[j, i] += (signs < 0).sum() / len(places)
    empty = np.zeros(k)
    return PenaltyMatrix(tuple(methods), matrix, counts, matrix.mean(axis=0) if k else empty, matrix.mean(axis=1) if k else empty, tuple(lengths))


def _signs(ours: Curves, theirs: Curves, places: Sequence[int]) -> NDArray[np.int64]:
    """1 at the checkpoints where ours is higher beyond doubt, −1 where theirs is, else 0."""
    seeds = shared_seeds(ours, theirs)
    d = np.array([np.subtract(ours[seed], theirs[seed])[list(places)] for seed in seeds])
    mean, error = d.mean(axis=0), d.std(axis=0, ddof=1) / np.sqrt(len(seeds))
    return np.where(np.abs(mean) > _critical(len(seeds)) * error, np.sign(mean), 0).astype(np.int64)


@lru_cache
def _critical(n: int) -> float:
    return float(require("scipy.stats", by="comparing methods").t.ppf(0.975, n - 1))


@dataclass(frozen=True, slots=True)
class Tally:
    """Cells that a method wins, ties and loses against the baseline.

    Attributes:
        wins: The 95 % interval lies above zero.
        ties: It contains zero.
        losses: It lies below.
        untested: Cells with too few seeds for a word.
    """

    wins: int
    ties: int
    losses: int
    untested: int

    @property
    def rate(self) -> tuple[float, float, float] | None:
        """Shares of wins, ties and losses among the tested cells; None without any."""
        tested = self.wins + self.ties + self.losses
        return (self.wins / tested, self.ties / tested, self.losses / tested) if tested else None


def tally(cells: Iterable[PairedT], *, least: int = LEAST_SEEDS) -> Tally:
    """Wins, ties and losses over cells (data set × recipe × budget), by the unadjusted paired 95 % interval of method − baseline.

    Args:
        cells: One paired comparison a cell.
        least: Shared seeds below which a cell counts as untested.
    """
    sides = [None if cell.n < least or cell.low is None or cell.high is None else int(cell.low > 0) - int(cell.high < 0) for cell in cells]
    return Tally(sides.count(1), sides.count(0), sides.count(-1), sides.count(None))
