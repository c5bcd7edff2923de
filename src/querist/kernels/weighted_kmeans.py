"""k-means of weighted points: k-means++ draws with the weights, then Lloyd's iterations. Every step lowers Σ w_i ‖x_i - μ(i)‖².

The points are copied once in float64, so this is for candidates that were filtered or sampled, not for a pool of millions.

Reference:
    Lloyd 1982; Arthur & Vassilvitskii 2007; weighted as in Zhdanov 2019, arXiv 1901.05954.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.clustering import RELATIVE_ZERO

ELEMENTS = 1 << 21
"""Distances held at a time: 16 MB."""


class Clusters(NamedTuple):
    """Cluster of each point (n,), centres (k, d), and the objective after every assignment."""

    labels: np.ndarray
    centres: np.ndarray
    objective: list[float]


def weighted_kmeans(x: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"], k: int, rng: np.random.Generator, iterations: int = 100) -> Clusters:
    """Cluster n weighted points around min(k, n) centres.

    Args:
        x: Points.
        weights: ≥ 0, at least one above 0; equal weights give plain k-means.
        k: Number of centres, ≥ 1.
        rng: Draws the start.
        iterations: Most Lloyd steps; it stops as soon as no point changes its cluster.
    """
    return lloyd(x, weights, x[seed(x, weights, k, rng)], iterations)


def seed(x: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"], k: int, rng: np.random.Generator) -> Int[np.ndarray, " p"]:
    """min(k, n) distinct rows: the first drawn with probability ∝ w, the next ∝ w·D²; uniformly once every w·D² is 0."""
    origin = x.mean(axis=0, dtype=np.float64)
    points = x.astype(np.float64) - origin
    norms = np.einsum("nd,nd->n", points, points)
    free = np.ones(len(x), dtype=bool)
    near = np.full(len(x), np.inf)
    picks = np.empty(min(k, len(x)), dtype=np.int64)
    mass = weights.astype(np.float64)
    for step in range(len(picks)):
        total = np.cumsum(np.where(free, mass, 0.0))
        pick = int(np.searchsorted(total, rng.random() * total[-1], side="right")) if total[-1] > 0 else int(rng.choice(np.flatnonzero(free)))
        picks[step] = pick
        free[pick] = False
        np.minimum(near, norms + norms[pick] - 2.0 * (points @ points[pick]), out=near)
        mass = weights * np.where(near > RELATIVE_ZERO * norms.max(), near, 0.0)
    return picks


def lloyd(x: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"], start: Float[np.ndarray, "k d"], iterations: int = 100) -> Clusters:
    """Lloyd's iterations from given centres.

    A cluster without weight moves to the point with the largest w·D², the second such cluster to the second, as long as that
    is above 0; so the objective never grows.
    """
    origin = x.mean(axis=0, dtype=np.float64)
    points, centres = x.astype(np.float64) - origin, start.astype(np.float64) - origin
    labels, near = assign(points, centres)
    objective = [float(weights @ near)]
    for _ in range(iterations):
        centres = _moved(points, weights, labels, near, centres)
        before = labels
        labels, near = assign(points, centres)
        objective.append(float(weights @ near))
        if np.array_equal(labels, before):
            break
    return Clusters(labels, centres + origin, objective)


def assign(x: Float[np.ndarray, "n d"], centres: Float[np.ndarray, "k d"]) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Nearest centre of each point (ties to the lower one) and the squared distance to it."""
    labels, near = np.empty(len(x), dtype=np.int64), np.empty(len(x), dtype=np.float64)
    wide = centres.astype(np.float64)
    norms = np.einsum("kd,kd->k", wide, wide)
    step = max(1, ELEMENTS // max(1, len(wide)))
    for first in range(0, len(x), step):
        rows = x[first : first + step].astype(np.float64)
        table = norms - 2.0 * (rows @ wide.T)
        best = table.argmin(axis=1)
        labels[first : first + step] = best
        gap = rows - wide[best]
        near[first : first + step] = np.einsum("nd,nd->n", gap, gap)
    return labels, near


def nearest_distinct(x: Float[np.ndarray, "n d"], centres: Float[np.ndarray, "k d"]) -> Int[np.ndarray, " k"]:
    """For each centre in turn the nearest point that no centre before it took (ties to the lower row); needs k ≤ n."""
    origin = x.mean(axis=0, dtype=np.float64)
    taken = np.zeros(len(x), dtype=bool)
    rows = np.empty(len(centres), dtype=np.int64)
    points = x.astype(np.float64) - origin
    norms = np.einsum("nd,nd->n", points, points)
    step = max(1, ELEMENTS // max(1, len(x)))
    for first in range(0, len(centres), step):
        table = norms - 2.0 * ((centres[first : first + step] - origin) @ points.T)
        for offset, line in enumerate(table):
            row = int(np.argmin(np.where(taken, np.inf, line)))
            rows[first + offset] = row
            taken[row] = True
    return rows


def _moved(points: np.ndarray, weights: np.ndarray, labels: np.ndarray, near: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The weighted means of the clusters, with those that have no weight moved to where the objective is lost."""
    order = np.argsort(labels, kind="stable")
    present, starts = np.unique(labels[order], return_index=True)
    mass = np.bincount(labels, weights, minlength=len(centres))
    sums = np.add.reduceat(points[order] * weights[order, None], starts, axis=0)
    out = centres.copy()
    filled = mass[present] > 0
    out[present[filled]] = sums[filled] / mass[present[filled], None]
    empty = np.flatnonzero(mass <= 0)
    if len(empty):
        loss = weights * near
        worst = np.argsort(-loss, kind="stable")[: len(empty)]
        worst = worst[loss[worst] > 0]
        out[empty[: len(worst)]] = points[worst]
    return out
