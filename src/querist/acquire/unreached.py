"""jLP: what label propagation reaches least.

Reference:
    Simeoni et al. 2020, "Rethinking deep active learning", arXiv 1911.08177.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.embeddings import Embedding
from querist.acquire.selectors import Picks
from querist.acquire.unit import space
from querist.core.contracts import PoolView
from querist.kernels import neighbours, propagation


@dataclass(frozen=True)
class Unreached:
    """Greedy: the candidate that a diffusion from everything labelled, pending or picked reaches least, over a graph of nearest neighbours.

    Attributes:
        neighbours: Edges of each item.
        power: Of the cosine that an edge weighs.
        alpha: How far it spreads, in [0, 1).
        limit: Of more candidates (or covered items) so many, evenly strewn, are in the graph, and at least as many as are chosen.
    """

    neighbours: int = 50
    power: float = 3.0
    alpha: float = 0.99
    limit: int = 10_000

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        x, covered = space(embed, view, "Unreached")
        rows = neighbours.spread(len(x), max(self.limit, k))
        sources = covered[neighbours.spread(len(covered), self.limit)]
        edges = propagation.graph(np.concatenate([sources, x[rows]]), self.neighbours, self.power)
        labelled = np.arange(len(sources) + len(rows)) < len(sources)
        picks, reached = propagation.least_reached(edges, labelled, k, self.alpha)
        return Picks(rows[picks - len(sources)], -reached, [f"reached by {value:.4g} of what is covered" for value in reached.tolist()])
