"""LCMD, largest cluster maximum distance: the farthest member of the heaviest cluster, as k-center with a sense of density."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.geometry import ROWS, squared_distances


class Clustered(NamedTuple):
    """What LCMD picked.

    Attributes:
        rows: min(k, n) distinct rows, in order.
        squared: Squared distance of each to the nearest centre at its time; infinite for a first pick without centres.
        weights: Sum of squared distances of the cluster it came from, at its time; infinite likewise.
    """

    rows: Int[np.ndarray, " p"]
    squared: Float[np.ndarray, " p"]
    weights: Float[np.ndarray, " p"]


def lcmd(x: Float[np.ndarray, "n d"], centres: Float[np.ndarray, "m d"], k: int) -> Clustered:
    """Pick from the cluster with the largest sum of squared distances its farthest member, which becomes a centre; O(n·d) per pick.

    Every row belongs to its nearest centre, ties to the earlier one. Ties between clusters go to the earlier centre, between
    rows to the lower one. When every row coincides with a centre the lowest rows not yet picked follow.

    Args:
        x: The candidates, one row each.
        centres: Points that are centres already (labelled and pending); without any the first pick is the row of largest norm.
        k: Number of picks.

    Reference:
        Holzmüller et al. 2023, arXiv 2203.09410.
    """
    n, m, count = len(x), len(centres), min(k, len(x))
    owner, near = _nearest(x, centres)
    free = np.ones(n, dtype=bool)
    picks, squared, weights = np.empty(count, dtype=np.int64), np.empty(count), np.empty(count)
    for step in range(count):
        if m + step == 0:
            pick, squared[step], weights[step] = int(np.argmax(squared_distances(x, np.zeros(x.shape[1])))), np.inf, np.inf
        else:
            loads = np.bincount(owner, weights=near, minlength=m + step)
            heaviest = int(np.argmax(loads))
            members = free & ((owner == heaviest) | (loads[heaviest] <= 0.0))
            pick = int(np.argmax(np.where(members, near, -1.0)))
            squared[step], weights[step] = near[pick], loads[heaviest]
        picks[step], free[pick] = pick, False
        new = squared_distances(x, x[pick])
        closer = new < near
        closer[pick] = True
        owner[closer], near[closer] = m + step, new[closer]
    return Clustered(picks, squared, weights)


def _nearest(x: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearest centre of every row and its squared distance (by differences, so a row on a centre is at 0); infinite without centres."""
    owner, near = np.zeros(len(x), dtype=np.int64), np.full(len(x), np.inf)
    if not len(centres):
        return owner, near
    c64 = centres.astype(np.float64)
    lengths = np.einsum("md,md->m", c64, c64)
    step = max(1, ROWS * ROWS // (4 * max(len(centres), 1)))
    for start in range(0, len(x), step):
        rows = x[start : start + step].astype(np.float64)
        owner[start : start + step] = np.argmin(lengths - 2.0 * (rows @ c64.T), axis=1)
        gap = rows - c64[owner[start : start + step]]
        near[start : start + step] = np.einsum("nd,nd->n", gap, gap)
    return owner, near
