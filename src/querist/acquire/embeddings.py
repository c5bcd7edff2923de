"""Embeddings: candidates as points in a space in which a geometric selector can move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.groups import settled_rows
from querist.core.contracts import PoolView
from querist.kernels import farthest, points


class Points(points.Factored, Protocol):
    """Points in which selectors move; the coordinates may stay factorised."""

    def k_center(self, covered: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Farthest-first: rows and squared distances, see `kernels.farthest`."""


class Embedding(Protocol):
    """A frozen dataclass that maps a view to points."""

    @property
    def needs(self) -> frozenset[str]: ...

    def points(self, view: PoolView) -> Points: ...

    def covered(self, view: PoolView) -> np.ndarray:
        """Coordinates (m, d) of labelled and pending items; (0, d) for an embedding that ignores them."""

    def coordinates(self, view: PoolView) -> np.ndarray:
        """Explicit coordinates (n, d) of the candidates."""


class Vectors(points.Vectors):
    """Explicit coordinates (n, d)."""

    def k_center(self, covered: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Farthest-first from what is covered."""
        return farthest.k_center(self.x, covered, k)


class Outer(points.Outer):
    """Outer products a_i ⊗ h_i, never formed."""

    def k_center(self, covered: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Farthest-first among the candidates: gradients of labelled items are no centres."""
        return farthest.k_center_factored(self, k)


@dataclass(frozen=True)
class Features:
    """The penultimate features as they are (Sener & Savarese 2018 use no normalisation)."""

    @property
    def needs(self) -> frozenset[str]:
        """Always `features`."""
        return frozenset({"features"})

    def points(self, view: PoolView) -> Points:
        """The candidates."""
        return Vectors(self.coordinates(view))

    def coordinates(self, view: PoolView) -> np.ndarray:
        """(n, d) of the candidates."""
        return finite(np.asarray(view.stat("features")), view.candidates, "features")

    def covered(self, view: PoolView) -> np.ndarray:
        """(m, d) of labelled, then pending items."""
        parts = settled_rows(view, "features")
        return np.concatenate(parts) if parts else self.coordinates(view)[:0]


@dataclass(frozen=True)
class Gradients:
    """Last-layer gradients of the predicted label, factorised (BADGE, arXiv 1906.03671). Labelled items are no centres there."""

    @property
    def needs(self) -> frozenset[str]:
        """Always `gradients`."""
        return frozenset({"gradients"})

    def points(self, view: PoolView) -> Points:
        """The candidates."""
        return Outer(*self._factors(view))

    def coordinates(self, view: PoolView) -> np.ndarray:
        """(n, c·d), formed; for small pools only."""
        a, h = self._factors(view)
        return np.asarray(np.einsum("nc,nd->ncd", a, h).reshape(len(a), -1))

    def covered(self, view: PoolView) -> np.ndarray:
        """None: (0, c·d)."""
        a, h = view.stat("gradients")
        return np.empty((0, a.shape[1] * h.shape[1]), dtype=np.result_type(a, h))

    def _factors(self, view: PoolView) -> tuple[np.ndarray, np.ndarray]:
        a, h = (finite(np.asarray(part), view.candidates, "gradients") for part in view.stat("gradients"))
        return a, h
