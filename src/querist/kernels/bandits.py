"""EXP4.P: how far to trust each of several advisers, from rewards of what they advised.

Reference:
    Beygelzimer, Langford, Li, Reyzin & Schapire 2011 (arXiv:1002.4058); as a choice among query strategies Hsu & Lin 2015 (AAAI), "Active Learning by
    Learning".
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from querist.kernels.logits import softmax


def least_chance(advisers: int, horizon: int) -> float:
    """The chance that every adviser keeps: √(ln N / (N T)), at most 1/N."""
    return min(1.0 / advisers, float(np.sqrt(np.log(advisers) / (advisers * horizon)))) if advisers > 1 else 1.0


def chances(logs: Float[np.ndarray, " a"], least: float) -> Float[np.ndarray, " a"]:
    """Probability of each adviser, by its weight and never below `least`; `logs` are logarithms of weights of any sum."""
    return np.asarray((1.0 - len(logs) * least) * softmax(logs) + least)


def offers(orders: Int[np.ndarray, "a k"], taken: Bool[np.ndarray, " n"], heads: Int[np.ndarray, " a"]) -> Int[np.ndarray, " a"]:
    """The row that each adviser puts forward: the first of its order that is not taken.

    Args:
        orders: Rows in each adviser's order.
        taken: Rows that are gone.
        heads: How far each order is known to be gone; moved on in place.
    """
    for adviser, order in enumerate(orders):
        while taken[order[heads[adviser]]]:
            heads[adviser] += 1
    return np.asarray(orders[np.arange(len(orders)), heads])


def learnt(
    logs: Float[np.ndarray, " a"], advised: Bool[np.ndarray, "m a"], odds: Float[np.ndarray, " m"], rewards: Float[np.ndarray, " m"],
    doubt: Float[np.ndarray, " a"], least: float, horizon: int, delta: float,
) -> Float[np.ndarray, " a"]:  # fmt: skip
    """Logarithms of the weights after m picks were rewarded, from 0 at the largest.

    Args:
        logs: Before.
        advised: Which adviser had put forward which pick.
        odds: Probability with which each pick was drawn.
        rewards: In [0, 1].
        doubt: Of each adviser, the sum over the places of a batch of 1 / the probability of what it put forward: the variance of its estimate.
        least: Least chance of an adviser.
        horizon: T, the picks that are expected in all.
        delta: The bound holds with probability 1 - δ.
    """
    estimate = (advised * (rewards / odds)[:, None]).sum(axis=0)
    bonus = doubt * np.sqrt(np.log(len(logs) / delta) / (len(logs) * horizon))
    after = logs + least / 2.0 * (estimate + bonus)
    return np.asarray(after - after.max())
