"""k-means for the methods that need clusters or pseudo-labels: our seeding, scikit-learn's Lloyd steps."""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Float, Int

from querist.core.optional import require
from querist.kernels import clustering, geometry
from querist.kernels.neighbours import spread

TRIES = 8
"""Drawn starts of which the one of least potential is kept, where clusters are few and one that is missed matters."""

FULL = 50
"""Above so many clusters, mini-batches of 5,000 rows instead of full Lloyd steps (as the authors of TypiClust do)."""


def k_means(x: Float[np.ndarray, "n d"], k: int, rng: np.random.Generator) -> Int[np.ndarray, " n"]:
    """Cluster of every row, in 0 … k-1; some may be empty, and there are no more clusters than distinct places.

    Args:
        x: Rows in canonical order: the result depends on nothing else than them and `rng`.
        k: Wanted clusters.
        rng: Draws the centres to start from (k-means++ on an even sample of the rows) and the mini-batches.
    """
    start = _start(x[spread(len(x), max(4_000, 20 * k))], k, rng)
    state = int(rng.integers(2**31 - 1))
    if len(start) < 2:
        return np.zeros(len(x), dtype=np.int64)
    cluster, limits = require("sklearn.cluster", by="clustering"), require("threadpoolctl", by="clustering").threadpool_limits
    if len(start) <= FULL:
        model = cluster.KMeans(len(start), init=start, n_init=1, max_iter=100, random_state=state)
    else:
        model = cluster.MiniBatchKMeans(len(start), init=start, n_init=1, batch_size=5000, random_state=state)
    # One thread: the order in which several add up decides the last digit, and with it now and then a cluster.
    with limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # duplicates may leave a cluster empty; here that is legal
        return np.asarray(model.fit(x).labels_, dtype=np.int64)


def _start(sample: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Distinct centres (≤ k, d) drawn by k-means++."""
    norms = geometry.squared_distances(sample, sample.mean(axis=0, dtype=np.float64))
    drawn = []
    for _ in range(TRIES if k <= FULL else 1):
        rows, weights = clustering.kmeans_pp(lambda row: geometry.squared_distances(sample, sample[row]), norms, k, rng)
        drawn.append(sample[rows[(weights > 0) | (np.arange(len(rows)) == 0)]])
    return np.asarray(min(drawn, key=lambda centres: float(geometry.nearest_squared(sample, centres).sum())) if len(drawn) > 1 else drawn[0])
