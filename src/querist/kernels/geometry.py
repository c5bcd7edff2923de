"""Distances and farthest-first traversal. Squared Euclidean, float64 accumulation, the pool is never copied whole."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

ROWS = 4096
"""Rows converted to float64 at a time: sized to cache, not to memory."""


def squared_distances(x: Float[np.ndarray, "n d"], centre: Float[np.ndarray, " d"]) -> Float[np.ndarray, " n"]:
    """‖x_i - centre‖² for every row, by differences (no cancellation)."""
    out = np.empty(len(x), dtype=np.float64)
    centre64 = centre.astype(np.float64)
    for start in range(0, len(x), ROWS):
        gap = x[start : start + ROWS].astype(np.float64) - centre64
        out[start : start + ROWS] = np.einsum("nd,nd->n", gap, gap)
    return out


def nearest_squared(x: Float[np.ndarray, "n d"], centres: Float[np.ndarray, "m d"]) -> Float[np.ndarray, " n"]:
    """Squared distance of every row to its nearest centre; infinite when there are none."""
    out = np.full(len(x), np.inf)
    if not len(centres):
        return out
    for start in range(0, len(x), ROWS):
        rows = x[start : start + ROWS].astype(np.float64)
        norms = np.einsum("nd,nd->n", rows, rows)
        for first in range(0, len(centres), ROWS):
            block = centres[first : first + ROWS].astype(np.float64)
            near = norms[:, None] - 2.0 * (rows @ block.T) + np.einsum("md,md->m", block, block)
            np.minimum(out[start : start + ROWS], near.min(axis=1), out=out[start : start + ROWS])
    return np.asarray(np.maximum(out, 0.0))


def k_center(x: Float[np.ndarray, "n d"], centres: Float[np.ndarray, "m d"], k: int) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Greedy k-center (farthest-first traversal): radius at most twice the optimum.

    Args:
        x: The candidates, one row each.
        centres: Points that already cover (labelled and pending); may be empty.
        k: Number of picks.

    Returns:
        Rows picked, in order, min(k, n) distinct ones, and each one's squared distance to the nearest centre at its
        time. Without centres the first pick is the row nearest to the mean, at distance infinity.

    Reference:
        Sener & Savarese 2018, arXiv 1708.00489 (the greedy form).
    """
    near = nearest_squared(x, centres)
    taken = np.zeros(len(x), dtype=bool)
    picks: list[int] = []
    radii: list[float] = []
    for _ in range(min(k, len(x))):
        if not picks and not len(centres):
            to_mean = squared_distances(x, x.mean(axis=0, dtype=np.float64))
            # Two rows are always equally far from their mean: what rounding makes of it must not decide.
            pick = int(np.argmax(to_mean <= to_mean.min() * (1 + 1e-9)))
        else:
            pick = int(np.argmax(np.where(taken, -1.0, near)))
        picks.append(pick)
        radii.append(float(near[pick]))
        taken[pick] = True
        np.minimum(near, squared_distances(x, x[pick]), out=near)
    return np.asarray(picks, dtype=np.int64), np.asarray(radii, dtype=np.float64)
