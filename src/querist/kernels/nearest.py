"""The nearest of many points to each of a few."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.geometry import ROWS


def nearest(x: Float[np.ndarray, "n d"], centres: Float[np.ndarray, "m d"]) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Row of the nearest centre of each point, and its squared distance: one chunked pass over the centres.

    Args:
        x: A few points.
        centres: At least one; read `ROWS` at a time.

    Returns:
        Rows, ties to the lower one, and squared distances in float64, computed from the difference to the centre found.
    """
    points = x.astype(np.float64)
    best, row = np.full(len(x), np.inf), np.zeros(len(x), dtype=np.int64)
    for first in range(0, len(centres), ROWS):
        block = centres[first : first + ROWS].astype(np.float64)
        squares = np.einsum("md,md->m", block, block)
        for start in range(0, len(x), ROWS):
            part = slice(start, start + ROWS)
            near = squares - 2.0 * (points[part] @ block.T)
            place = near.argmin(axis=1)
            value = near[np.arange(len(place)), place]
            closer = value < best[part]
            row[part] = np.where(closer, first + place, row[part])
            best[part] = np.where(closer, value, best[part])
    gap = points - centres[row].astype(np.float64)
    return row, np.asarray(np.einsum("nd,nd->n", gap, gap))
