"""Distances: squared Euclidean, float64 accumulation, the pool is never copied whole. Farthest-first traversal is in `farthest`."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from querist.kernels.farthest import k_center

__all__ = ["ROWS", "k_center", "nearest_squared", "squared_distances"]

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
