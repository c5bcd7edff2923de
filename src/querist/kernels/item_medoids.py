"""k-medoids on distances between items that are no vectors: two sets of boxes, two sentences.

Reference:
    Yang, Huang & Crowley 2024 (PPAL), arXiv 2211.11612: k-centre seeds, at most 100 rounds.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def k_medoids(distances: Float[np.ndarray, "m m"], k: int, rounds: int = 100) -> tuple[Int[np.ndarray, " p"], Int[np.ndarray, " p"]]:
    """min(k, m) distinct rows that stand for all, and the sizes of their clusters, large ones first.

    Seeds by farthest-first from the most central row; then every row goes to its nearest medoid and every cluster to the row with the
    least sum of distances within it, until nothing moves. Ties go to the lower row.

    Args:
        distances: Symmetric, of a short list: m is a few times k.
        k: Medoids.
        rounds: Most of them.
    """
    k = min(k, len(distances))
    if k <= 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    rows = _farthest_first(distances, k)
    owner = _nearest(distances, rows)
    for _ in range(rounds):
        moved = np.array([_centre(distances, np.flatnonzero(owner == cluster)) for cluster in range(k)])
        if np.array_equal(moved, rows):
            break
        rows, owner = moved, _nearest(distances, moved)
    sizes = np.bincount(owner, minlength=k)
    order = np.lexsort((rows, -sizes))
    return rows[order], sizes[order]


def _farthest_first(distances: np.ndarray, k: int) -> np.ndarray:
    rows = [int(distances.sum(axis=1).argmin())]
    near = distances[rows[0]].astype(np.float64)
    while len(rows) < k:
        near[rows] = -1.0
        rows.append(int(near.argmax()))
        near = np.minimum(near, distances[rows[-1]])
    return np.array(rows)


def _nearest(distances: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Place of the nearest medoid of each row; a medoid is its own, duplicates or not."""
    owner = distances[:, rows].argmin(axis=1)
    owner[rows] = np.arange(len(rows))
    return np.asarray(owner)


def _centre(distances: np.ndarray, members: np.ndarray) -> int:
    return int(members[distances[np.ix_(members, members)].sum(axis=1).argmin()])
