"""Diverse mini-batches: weighted k-means of the most informative candidates, the nearest one to every centre.

Reference:
    Zhdanov 2019, arXiv 1901.05954.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.embeddings import Embedding
from querist.acquire.selectors import Picks
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.kernels.ranking import top_k
from querist.kernels.weighted_kmeans import nearest_distinct, weighted_kmeans


@dataclass(frozen=True)
class WeightedKMeans:
    """k clusters of candidates weighted by their scores; from each the candidate nearest to its centre, most informative first.

    The heaviest cluster takes its candidate first; a centre whose nearest candidate is taken gets the next nearest. Scores below 0
    weigh nothing; when none is above 0 all weigh the same.

    Attributes:
        iterations: Most Lloyd steps, from one start.
    """

    iterations: int = 100

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        if embed is None or scores is None:
            raise UsageError("WeightedKMeans needs a score and an embedding", hint="Give Compose a `score` and an `embed`.")
        if k >= len(scores):
            rows = top_k(scores, k)
            return Picks(rows, scores[rows], [f"score {value:.4g}: no more candidates than picks" for value in scores[rows]])
        x = embed.coordinates(view)
        weights = np.maximum(scores, 0.0) if (scores > 0).any() else np.ones(len(scores))
        found = weighted_kmeans(x, weights, k, rng, self.iterations)
        heavy = np.argsort(-np.bincount(found.labels, weights, minlength=k), kind="stable")
        rows = nearest_distinct(x, found.centres[heavy])
        sizes = np.bincount(found.labels, minlength=k)[heavy]
        order = np.lexsort((rows, -scores[rows]))
        why = [f"score {scores[rows[i]]:.4g}, nearest to the centre of {sizes[i]} of {len(x)} candidates" for i in order]
        return Picks(rows[order], scores[rows[order]], why)
