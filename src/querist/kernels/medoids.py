"""k-means and the row nearest to each centre: k distinct rows that stand for all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from querist.kernels import geometry
from querist.kernels.clustering import kmeans_pp
from querist.kernels.weighted_kmeans import assign

ROWS = 2048


class Medoids(NamedTuple):
    """rows (p,) that were picked, distance (p,) of each to its centre, and the size (p,) of its cluster (0: it fills up)."""

    rows: np.ndarray
    distances: np.ndarray
    sizes: np.ndarray


def medoids(x: Float[np.ndarray, "n d"], k: int, rng: np.random.Generator, rounds: int = 50) -> Medoids:
    """Cluster by Lloyd's algorithm from k-means++ seeds; of each cluster the row nearest to its centre, large clusters first.

    Args:
        x: Points.
        k: Clusters.
        rng: Draws the seeds.
        rounds: Rounds of Lloyd's algorithm at most; it stops when no row changes its cluster.

    Returns:
        min(k, n) distinct rows. When clusters are empty (fewer distinct points than k), the lowest of the other rows fill up.
    """
    k = min(k, len(x))
    if k <= 0:
        return Medoids(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0, dtype=np.int64))
    norms = geometry.squared_distances(x, x.mean(axis=0, dtype=np.float64))
    seeds, _ = kmeans_pp(lambda row: geometry.squared_distances(x, x[row]), norms, k, rng)
    centres = x[seeds].astype(np.float64)
    owner, gap = assign(x, centres)
    for _ in range(rounds):
        _move(centres, x, owner)
        before = owner
        owner, gap = assign(x, centres)
        if np.array_equal(owner, before):
            break
    return _nearest(owner, gap, k)


def _move(centres: np.ndarray, x: np.ndarray, owner: np.ndarray) -> None:
    """Every centre to the mean of its rows; one without rows stays."""
    sums, sizes = np.zeros_like(centres), np.bincount(owner, minlength=len(centres))
    for first in range(0, len(x), ROWS):
        mine = np.arange(len(centres))[:, None] == owner[first : first + ROWS]
        sums += mine.astype(np.float64) @ x[first : first + ROWS].astype(np.float64)
    centres[sizes > 0] = sums[sizes > 0] / sizes[sizes > 0, None]


def _nearest(owner: np.ndarray, gap: np.ndarray, k: int) -> Medoids:
    sizes = np.bincount(owner, minlength=k)
    least = np.full(k, np.inf)
    np.minimum.at(least, owner, gap)
    # The two rows of a small cluster are equally far from their mean: what rounding makes of it must not decide.
    near = np.flatnonzero(gap <= least[owner] * (1 + 1e-9))
    filled, first = np.unique(owner[near], return_index=True)
    rows = near[first]
    large = np.argsort(-sizes[filled], kind="stable")
    rows, counts = rows[large], sizes[filled][large]
    more = np.setdiff1d(np.arange(len(owner)), rows)[: k - len(rows)]
    rows = np.concatenate([rows, more])
    return Medoids(rows, np.sqrt(gap[rows]), np.concatenate([counts, np.zeros(len(more), dtype=np.int64)]))
