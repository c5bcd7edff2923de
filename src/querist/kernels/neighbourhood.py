"""The union of the nearest neighbours of some anchors: where SEALS looks."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.geometry import ROWS, squared_distances
from querist.kernels.ranking import top_k

ELEMENTS = 1 << 24
"""Distances held at a time: 128 MB. For pools of millions this is how many anchors share one pass over the points."""

SLACK = 1e-9
"""Error of a squared distance from a float64 matrix product, as a share of the squared norms; its bound is near 1e-13 for d ≤ 512."""


def neighbourhood(x: Float[np.ndarray, "n d"], anchors: Float[np.ndarray, "m d"], k: int) -> Int[np.ndarray, " p"]:
    """Rows that are among the k nearest to at least one anchor, ascending; at most k·m of them, none without anchors.

    Exact: matrix products find who may be near, differences in float64 decide, ties go to the lower row.

    Args:
        x: Points.
        anchors: Whose neighbours are sought.
        k: Neighbours per anchor; with k ≥ n (and an anchor) all rows.
    """
    if not len(anchors) or k <= 0:
        return np.empty(0, dtype=np.int64)
    if k >= len(x):
        return np.arange(len(x))
    found = np.zeros(len(x), dtype=bool)
    # About a common origin the norms are small, and so is what cancels.
    origin = x.mean(axis=0, dtype=np.float64)
    step = max(1, ELEMENTS // len(x))
    for first in range(0, len(anchors), step):
        block = anchors[first : first + step].astype(np.float64) - origin
        for anchor, (near, slack) in zip(anchors[first : first + step], _approximate(x, block, origin), strict=True):
            limit = np.partition(near, k - 1)[k - 1] + slack
            close = np.flatnonzero(near <= limit)
            found[close[top_k(-squared_distances(x[close], anchor), k)]] = True
    return np.flatnonzero(found)


def _approximate(x: np.ndarray, anchors: np.ndarray, origin: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Per anchor: squared distances (n,) by a product in float64, over blocks of rows, and twice their error."""
    out = np.empty((len(anchors), len(x)))
    own = np.einsum("md,md->m", anchors, anchors)
    largest = 0.0
    for first in range(0, len(x), ROWS):
        rows = x[first : first + ROWS].astype(np.float64) - origin
        norms = np.einsum("nd,nd->n", rows, rows)
        largest = max(largest, float(norms.max()))
        out[:, first : first + ROWS] = own[:, None] - 2.0 * (anchors @ rows.T) + norms
    return [(line, 2 * SLACK * (largest + float(size))) for line, size in zip(out, own, strict=True)]
