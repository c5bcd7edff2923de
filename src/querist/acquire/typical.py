"""TypiClust: one typical item of each cluster, clusters without labels first.

Reference:
    Hacohen, Dekel & Weinshall 2022, arXiv 2202.02794.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from querist.acquire.embeddings import Embedding
from querist.acquire.selectors import Picks
from querist.acquire.unit import space
from querist.core.contracts import PoolView
from querist.kernels import neighbours, partition


@dataclass(frozen=True)
class TypiClust:
    """The most typical candidate of each cluster in turn: 1 / mean distance to its nearest candidates inside the cluster.

    Attributes:
        neighbours: How many nearest ones, at most half the candidates of the cluster.
        clusters: min(covered + k, this) clusters.
        smallest: Clusters of so few items or fewer are left out while others have candidates.
        squares: Average squared distances (as the authors' code does, against their paper).
        limit: In larger clusters so many candidates, evenly strewn, stand for all.
    """

    neighbours: int = 20
    clusters: int = 500
    smallest: int = 5
    squares: bool = False
    limit: int = 8192

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        x, covered = space(embed, view, "TypiClust")
        labels = partition.k_means(np.concatenate([covered, x]), min(len(covered) + k, self.clusters), rng)
        count = int(labels.max()) + 1
        # As long as there are ids, also where one is empty: cluster and count may not drift apart.
        sizes, known = np.bincount(labels, minlength=count), np.bincount(labels[: len(covered)], minlength=count)
        members = {cluster: np.flatnonzero(labels[len(covered) :] == cluster) for cluster in range(count)}
        picks: list[int] = []
        values: list[float] = []
        why: list[str] = []
        for cluster in self._turns(sizes, known, members):
            if len(picks) == k:
                break
            rows = members[cluster]
            place, typicality = self._typical(x[rows] if len(rows) <= self.limit else x[rows[neighbours.spread(len(rows), self.limit)]])
            pick = int(rows[place] if len(rows) <= self.limit else rows[neighbours.spread(len(rows), self.limit)][place])
            members[cluster] = rows[rows != pick]
            picks, values = [*picks, pick], [*values, typicality]
            why.append(f"typicality {typicality:.4g} in cluster {cluster} of {sizes[cluster]} items, {known[cluster]} of them labelled or pending")
        return Picks(np.asarray(picks, dtype=np.int64), np.asarray(values), why)

    def _turns(self, sizes: np.ndarray, known: np.ndarray, members: dict[int, np.ndarray]) -> Iterator[int]:
        """Clusters with a candidate left, round and round: fewest labelled, then largest; the small ones after all others are empty."""
        order = np.lexsort((np.arange(len(sizes)), -sizes, known))
        for group in (order[sizes[order] > self.smallest], order[sizes[order] <= self.smallest]):
            while any(len(members[int(cluster)]) for cluster in group):
                yield from (int(cluster) for cluster in group if len(members[int(cluster)]))

    def _typical(self, points: np.ndarray) -> tuple[int, float]:
        """Place and typicality of the most typical point; of a single one, or of two, the first."""
        scores = neighbours.typicality(points, min(self.neighbours, len(points) // 2), squares=self.squares)
        place = int(np.flatnonzero(scores >= scores.max() * (1 - 1e-9))[0])
        return place, float(scores[place])
