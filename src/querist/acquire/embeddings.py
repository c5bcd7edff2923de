"""Embeddings: candidates as points in a space in which a geometric selector can move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from querist.acquire.checks import finite
from querist.core.contracts import PoolView
from querist.kernels import geometry, gradients


class Points(Protocol):
    """Points that know their squared norms and squared distances; the coordinates may stay factorised."""

    def __len__(self) -> int: ...

    def norms(self) -> np.ndarray:
        """Squared norms (n,)."""

    def distances_to(self, row: int) -> np.ndarray:
        """Squared distances (n,) of all points to one of them."""


class Embedding(Protocol):
    """A frozen dataclass that maps a view to points."""

    @property
    def needs(self) -> frozenset[str]: ...

    def points(self, view: PoolView) -> Points: ...

    def covered(self, view: PoolView) -> np.ndarray:
        """Coordinates (m, d) of labelled and pending items; (0, d) for an embedding that ignores them."""

    def coordinates(self, view: PoolView) -> np.ndarray:
        """Explicit coordinates (n, d) of the candidates."""


class Vectors:
    """Explicit coordinates (n, d)."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def norms(self) -> np.ndarray:
        """Squared distances to the mean of the points: the origin of a feature space means nothing."""
        return geometry.squared_distances(self.x, self.x.mean(axis=0, dtype=np.float64))

    def distances_to(self, row: int) -> np.ndarray:
        """Squared distances (n,)."""
        return geometry.squared_distances(self.x, self.x[row])


class Outer:
    """Outer products a_i ⊗ h_i, never formed."""

    def __init__(self, a: np.ndarray, h: np.ndarray) -> None:
        self.a, self.h = a, h
        self._norms = gradients.squared_norms(a, h)

    def __len__(self) -> int:
        return len(self.a)

    def norms(self) -> np.ndarray:
        """Squared norms (n,)."""
        return self._norms

    def distances_to(self, row: int) -> np.ndarray:
        """Squared distances (n,)."""
        return gradients.squared_distances_to(self.a, self.h, self._norms, row)


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
        parts = [np.asarray(view.stat("features", of)) for of, ids in (("labelled", view.labelled), ("pending", view.pending)) if len(ids)]
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
        a, h = (finite(np.asarray(part), view.candidates, "gradients") for part in view.stat("gradients"))
        return Outer(a, h)

    def coordinates(self, view: PoolView) -> np.ndarray:
        """(n, c·d), formed; for small pools only."""
        a, h = view.stat("gradients")
        return np.asarray(np.einsum("nc,nd->ncd", a, h).reshape(len(a), -1))

    def covered(self, view: PoolView) -> np.ndarray:
        """None: (0, c·d)."""
        return self.coordinates(view)[:0]
