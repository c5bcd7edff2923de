"""Choosing under quotas and prices: budgeted greedy by ratio, level filling over groups, greedy against deficits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.ranking import top_k


def affordable(gains: Float[np.ndarray, " m"], costs: Float[np.ndarray, " m"], k: int, budget: float) -> Int[np.ndarray, " p"]:
    """At most k places within a budget: greedy by gain per cost, or the best single place if that gains more.

    Args:
        gains: ≥ 0.
        costs: > 0.
        k: Largest number of places.
        budget: Their costs sum to no more.

    Returns:
        Places by falling gain per cost, ties to the lower one. Without the limit k the gain is at least half the optimum.

    Reference:
        The classical bound of the knapsack greedy; Khuller, Moss & Naor 1999.
    """
    picks: list[int] = []
    left = float(budget)
    for place in top_k(gains / costs, len(gains)):
        if len(picks) == k:
            break
        if costs[place] <= left:
            picks.append(int(place))
            left -= float(costs[place])
    within = np.flatnonzero(costs <= budget)
    if len(within) and k:
        best = int(within[np.argmax(gains[within])])
        if gains[best] > gains[picks].sum():
            picks = [best]
    return np.asarray(picks, dtype=np.int64)


def level(groups: Int[np.ndarray, " m"], counts: Float[np.ndarray, " c"], k: int) -> Int[np.ndarray, " p"]:
    """min(k, m) places, one at a time from the group with the lowest count so far.

    Args:
        groups: Group of each place; places come best first.
        counts: What every group has already; a pick adds one.
        k: Number of places.

    Returns:
        Places in the order taken. Equal counts go to the group whose next place comes first; an empty group is passed over.
    """
    queues = [np.flatnonzero(groups == group) for group in range(len(counts))]
    have, taken = counts.astype(np.float64), [0] * len(queues)
    picks: list[int] = []
    for _ in range(min(k, len(groups))):
        _, place, group = min((have[g], int(queue[taken[g]]), g) for g, queue in enumerate(queues) if taken[g] < len(queue))
        picks.append(place)
        taken[group] += 1
        have[group] += 1
    return np.asarray(picks, dtype=np.int64)


def against_deficits(
    gains: Float[np.ndarray, " n"], expected: Callable[[np.ndarray], np.ndarray], rows: Callable[[int], np.ndarray],
    deficits: Float[np.ndarray, " c"], weight: float, k: int,
) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:  # fmt: skip
    """Greedy for gain + weight · (probability of a class that is short), each pick lowering the deficits by its probabilities.

    Args:
        gains: Gain of each row.
        expected: Weights of the classes (c,) → their expected sum for each row (n,): the product with the probabilities.
        rows: Row → its probabilities (c,).
        deficits: How many labels each class is short of.
        weight: λ ≥ 0.
        k: Number of picks.

    Returns:
        Rows in order, ties to the lower row, and each one's total when picked. The product over the pool is made anew only when a
        class stops being short: at most c + 1 passes.

    Reference:
        Bengar et al. 2022, arXiv 2107.12262 (the greedy form of the assignment).
    """
    short, left = deficits > 0, deficits.astype(np.float64)
    total = gains + weight * expected(short.astype(np.float64))
    taken = np.zeros(len(gains), dtype=bool)
    picks, values = np.empty(min(k, len(gains)), dtype=np.int64), np.empty(min(k, len(gains)))
    for step in range(len(picks)):
        pick = int(np.argmax(np.where(taken, -np.inf, total)))
        picks[step], values[step] = pick, total[pick]
        taken[pick] = True
        left -= rows(pick)
        still = left > 0
        if (still != short).any():
            short = still
            total = gains + weight * expected(short.astype(np.float64))
    return picks, values
