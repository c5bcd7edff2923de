"""Clusters of a hierarchy: average linkage, exact for small sets and over many small k-means clusters for large ones."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from querist.core.optional import require
from querist.kernels.weighted_kmeans import assign, weighted_kmeans

SAMPLE = 20_000
"""Rows from which the small clusters of a large set are learnt."""

SMALL = 1000
"""Least number of small clusters of a large set."""


def average_linkage(x: Float[np.ndarray, "n d"], clusters: int, rng: np.random.Generator, *, distance: float = 0.0, exact: int = 5000) -> Int[np.ndarray, " n"]:
    """Cluster of each row, from 0, of a hierarchy with average linkage of Euclidean distances.

    Args:
        x: Points.
        clusters: Cut into at most so many clusters.
        rng: Used for more than `exact` rows only.
        distance: If above 0, cut where clusters are this far apart instead.
        exact: Up to so many rows the hierarchy is that of all rows (memory 8·n²/2 bytes). Above it, k-means (20 iterations on
            at most 20,000 rows drawn at random) makes max(1,000, 2·clusters), at most `exact`, small clusters, and the hierarchy is that of
            their centres, each counted once.
    """
    if len(x) <= exact:
        return _cut(x.astype(np.float64), clusters, distance)
    count = min(max(SMALL, 2 * clusters), exact)
    drawn = np.sort(rng.permutation(len(x))[: max(SAMPLE, 4 * count)])
    centres = weighted_kmeans(x[drawn], np.ones(len(drawn)), count, rng, 20).centres
    small, _ = assign(x, centres)
    return np.asarray(_cut(centres, clusters, distance)[small])


def _cut(points: np.ndarray, clusters: int, distance: float) -> np.ndarray:
    """Labels (n,) of the cut tree; a single point is a tree that scipy does not draw."""
    if len(points) < 2:
        return np.zeros(len(points), dtype=np.int64)
    hierarchy = require("scipy.cluster.hierarchy", by="average linkage")
    tree = hierarchy.linkage(points, method="average")
    cut = hierarchy.fcluster(tree, distance, "distance") if distance > 0 else hierarchy.fcluster(tree, max(clusters, 1), "maxclust")
    return np.asarray(cut, dtype=np.int64) - 1
