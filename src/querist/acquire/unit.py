"""Points on the unit sphere, and what the coverage methods share: a bounded sample of a large pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.embeddings import Embedding, Features, Points, Vectors
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.kernels import neighbours

SAMPLE = 16_384
"""Candidates among which a method that compares all pairs chooses; all of them in pools up to this size."""


@dataclass(frozen=True)
class Unit:
    """Another embedding with every row divided by its norm, as the low-budget methods take self-supervised features."""

    of: Embedding = Features()

    @property
    def needs(self) -> frozenset[str]:
        """What the embedding needs."""
        return self.of.needs

    def points(self, view: PoolView) -> Points:
        """The candidates."""
        return Vectors(self.coordinates(view))

    def coordinates(self, view: PoolView) -> np.ndarray:
        """(n, d) of the candidates, of length one."""
        return neighbours.unit(self.of.coordinates(view))

    def covered(self, view: PoolView) -> np.ndarray:
        """(m, d) of labelled, then pending items, of length one."""
        return neighbours.unit(self.of.covered(view))


def space(embed: Embedding | None, view: PoolView, by: str) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (n, d) of the candidates and (m, d) of what is covered, or an error that says who lacks them."""
    if embed is None:
        raise UsageError(f"{by} needs an embedding", hint="Give Compose an `embed`.")
    return embed.coordinates(view), embed.covered(view)


def sampled(n: int, k: int, size: int) -> tuple[np.ndarray, str]:
    """Rows (max(size, 4k) of n, evenly strewn, or all) and what to say about it."""
    rows = neighbours.spread(n, max(size, 4 * k))
    return rows, "" if len(rows) == n else f" (on {len(rows):,} of {n:,} candidates)"
