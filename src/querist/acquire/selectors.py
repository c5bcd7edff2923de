"""Selectors: from scores or points to rows. Each returns rows, one value per pick, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from querist.acquire import placing
from querist.acquire.embeddings import Embedding
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.kernels import ranking


class Picks(NamedTuple):
    """Rows in order, a value per pick (higher = more wanted), a short reason per pick."""

    rows: np.ndarray
    values: np.ndarray
    why: list[str]


def selection(view: PoolView, rows: Iterable[int], values: Iterable[float], why: Iterable[str]) -> Selection:
    """Rows of the candidates as what an acquisition returns."""
    return Selection(tuple(view.candidates[row] for row in rows), tuple(float(value) for value in values), tuple(why))


def reached(radii: np.ndarray) -> np.ndarray:
    """Radii of a traversal as values: the start point of an empty cover has no distance; it is at least as wanted as the next pick."""
    known = np.isfinite(radii)
    return np.where(known, radii, radii[known].max(initial=0.0))


class Selector(Protocol):
    """A frozen dataclass that chooses min(k, n) distinct rows."""

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks: ...


@dataclass(frozen=True)
class TopK:
    """The k best scores; ties in canonical id order."""

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        if scores is None:
            raise UsageError("TopK needs a score", hint="Give Compose a `score`.")
        rows = ranking.top_k(scores, k)
        return Picks(rows, scores[rows], [f"score {value:.4g}" for value in scores[rows].tolist()])


@dataclass(frozen=True)
class KCenter:
    """Farthest-first: every pick is the candidate farthest from everything labelled, pending or picked."""

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        if embed is None:
            raise UsageError("KCenter needs an embedding", hint="Give Compose an `embed`.")
        rows, squared = placing.k_center(embed.points(view), embed.covered(view), k)
        radii = np.sqrt(squared)
        why = [f"distance {r:.4g} to the nearest covered item" if np.isfinite(r) else "nearest to the centre of the pool" for r in radii]
        return Picks(rows, reached(radii), why)


@dataclass(frozen=True)
class KMeansPP:
    """k-means++ seeding: each pick is drawn with probability ∝ its squared distance to the picks so far."""

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        if embed is None:
            raise UsageError("KMeansPP needs an embedding", hint="Give Compose an `embed`.")
        rows, weights = placing.kmeans_pp(embed.points(view), k, rng)
        values = np.sqrt(weights)
        why = [f"norm {v:.4g}" if i == 0 else f"distance {v:.4g} to the nearest pick" for i, v in enumerate(values)]
        return Picks(rows, values, why)
