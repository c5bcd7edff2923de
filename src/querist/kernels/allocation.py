"""Draws over groups: turn by turn, or in proportion to the groups' sizes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def round_robin(groups: Int[np.ndarray, " n"], k: int, rng: np.random.Generator, priority: Float[np.ndarray, " g"] | None = None) -> Int[np.ndarray, " p"]:
    """Take one random row of every group, then a second one of every group that has one, and so on.

    Args:
        groups: Group of each row, from 0.
        k: How many rows; all if there are fewer. What is drawn does not depend on it.
        rng: Orders the rows within the groups, and groups that are equal.
        priority: Per group; the lowest first in each turn, equal ones in one random order. None draws the order anew in each turn.
    """
    order = rng.permutation(len(groups))
    by_group = order[np.argsort(groups[order], kind="stable")]
    sizes = np.bincount(groups, minlength=0 if priority is None else len(priority))
    turn = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    own = groups[by_group]
    tie = rng.random(len(groups)) if priority is None else rng.random(len(sizes))[own]
    first = np.zeros(len(groups)) if priority is None else priority[own]
    return np.asarray(by_group[np.lexsort((tie, first, turn))][:k], dtype=np.int64)


def systematic(groups: Int[np.ndarray, " n"], k: int, rng: np.random.Generator) -> Int[np.ndarray, " p"]:
    """min(k, n) distinct rows, each with probability k / n, from every group its share k·(size / n) rounded up or down.

    Systematic sampling: the groups are laid end to end, shuffled within, and every (n / k)-th row is taken from a random start.

    Reference:
        Madow & Madow 1944.
    """
    n = len(groups)
    if k >= n:
        return np.asarray(rng.permutation(n), dtype=np.int64)
    order = rng.permutation(n)
    line = order[np.argsort(groups[order], kind="stable")]
    places = np.floor((rng.random() + np.arange(k)) * (n / k)).astype(np.int64)
    return np.asarray(rng.permutation(line[np.minimum(places, n - 1)]), dtype=np.int64)
