"""Kernel × transform × selection for batches: LCMD, maximum determinant, maximum distance, maximum variance.

The base kernel is an embedding (features, or sketched last-layer gradients); `Posterior` transforms it; a selector moves in it.
Works for regression, where there are no probabilities.

Reference:
    Holzmüller, Zaverkin, Kästner & Steinwart 2023, arXiv 2203.09410.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.embeddings import Embedding, Features, Points, Vectors
from querist.acquire.groups import settled
from querist.acquire.selectors import Picks, reached
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.kernels import gaussian, geometry, lcmd, ranking


@dataclass(frozen=True)
class GradientSketch:
    """Last-layer gradients a ⊗ h of the predicted label, sketched to `width` random features; labelled and pending items as well.

    Attributes:
        width: Number of random features.
        seed: Root of the random signs: the same map in every round.
    """

    width: int = 512
    seed: int = 0

    @property
    def needs(self) -> frozenset[str]:
        """Always `gradients`."""
        return frozenset({"gradients"})

    def points(self, view: PoolView) -> Points:
        """The candidates."""
        return Vectors(self.coordinates(view))

    def coordinates(self, view: PoolView) -> np.ndarray:
        """(n, width) of the candidates."""
        return self._of(view, "candidates")

    def covered(self, view: PoolView) -> np.ndarray:
        """(m, width) of labelled, then pending items."""
        parts = [self._of(view, of) for of, _ in settled(view)]
        return np.concatenate(parts) if parts else np.empty((0, self.width), dtype=np.float32)

    def _of(self, view: PoolView, of: str) -> np.ndarray:
        a, h = (np.asarray(part) for part in view.stat("gradients", of))
        return finite(gaussian.product_sketch(a, h, self.width, stream(self.seed, 0, "select")), getattr(view, of), "gradients")


@dataclass(frozen=True)
class Posterior:
    """The kernel of another embedding after observing labelled and pending items, as features in float64, (n, d) of them.

    Attributes:
        base: The embedding of the prior kernel.
        noise: Noise variance of an observation, on the scale of `scale`.
        scale: First bring the kernel's mean diagonal to 1 on the observed items (on the candidates where there are none).
    """

    base: Embedding = Features()
    noise: float = 1e-6
    scale: bool = True

    @property
    def needs(self) -> frozenset[str]:
        """Those of the base."""
        return self.base.needs

    def points(self, view: PoolView) -> Points:
        """The candidates."""
        return Vectors(self.coordinates(view))

    def coordinates(self, view: PoolView) -> np.ndarray:
        """(n, d) of the candidates."""
        x, seen = self.base.coordinates(view), self.base.covered(view)
        return gaussian.mapped(x, posterior_map(x, seen, self.noise, self.scale))

    def covered(self, view: PoolView) -> np.ndarray:
        """(m, d) of labelled, then pending items."""
        x, seen = self.base.coordinates(view), self.base.covered(view)
        return gaussian.mapped(seen, posterior_map(x, seen, self.noise, self.scale))


@dataclass(frozen=True)
class MaxDet:
    """Greedy log-determinant: each pick is the candidate of largest variance given observed items and earlier picks.

    Attributes:
        noise: Noise variance, on the scale of `scale`.
        condition: Condition on labelled and pending items; else on the picks alone.
        scale: As in `Posterior`.
    """

    noise: float = 1e-6
    condition: bool = True
    scale: bool = True

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        x, seen = _both(embed, view, self.condition)
        rows, left = gaussian.maxdet(x, posterior_map(x, seen, self.noise, self.scale), self.noise, k)
        return Picks(rows, left, [f"variance {value:.4g} given labels and earlier picks" for value in left])


@dataclass(frozen=True)
class MaxDiag:
    """The k candidates of largest variance given the observed items: `MaxDet` without a look at its own batch.

    Attributes:
        noise, condition, scale: As in `MaxDet`.
    """

    noise: float = 1e-6
    condition: bool = True
    scale: bool = True

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        x, seen = _both(embed, view, self.condition)
        left = gaussian.variances(x, posterior_map(x, seen, self.noise, self.scale))
        rows = ranking.top_k(left, k)
        return Picks(rows, left[rows], [f"variance {value:.4g} given labels" for value in left[rows]])


@dataclass(frozen=True)
class MaxDist:
    """Farthest-first, with the row of largest norm first where there is no centre.

    Attributes:
        train: Labelled and pending items are centres (TP mode); else the batch starts afresh (P mode).
    """

    train: bool = True

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        x, centres = _both(embed, view, self.train)
        first = np.empty(0, dtype=np.int64)
        if not len(centres):
            norms = geometry.squared_distances(x, np.zeros(x.shape[1]))
            first = np.array([np.argmax(norms)])
            centres = x[first]
        rows, squared = geometry.k_center(x, centres, k)
        later = ~np.isin(rows, first)
        rows, radii = np.concatenate([first, rows[later]])[:k], np.sqrt(squared[later])
        values = np.concatenate([np.full(len(first), radii.max(initial=0.0)), radii])[:k]
        why = [f"distance {r:.4g} to the nearest centre" for r in values]
        return Picks(rows, values, ["largest norm: there are no centres yet"] * len(first) + why[len(first) :])


@dataclass(frozen=True)
class LCMD:
    """Largest cluster, maximum distance.

    Attributes:
        train: Labelled and pending items are centres (TP mode); else the batch starts afresh (P mode).
    """

    train: bool = True

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        rows, squared, clusters = lcmd.lcmd(*_both(embed, view, self.train), k)
        radii = np.sqrt(squared)
        why = [
            f"distance {r:.4g} to the centre of cluster {cluster}, the heaviest" if np.isfinite(r) else "largest norm: there are no centres yet"
            for r, cluster in zip(radii, clusters, strict=True)
        ]
        return Picks(rows, reached(radii), why)


def posterior_map(x: np.ndarray, seen: np.ndarray, noise: float, scale: bool) -> np.ndarray:
    """The map of `kernels.gaussian.posterior_map`, scaled on what was observed."""
    if not noise > 0:
        raise UsageError("the noise variance must be positive", got=noise, wanted="> 0, for example 1e-6")
    factor = 1.0 / gaussian.mean_square(seen if len(seen) else x) if scale else 1.0
    return gaussian.posterior_map(seen, noise, factor)


def _both(embed: Embedding | None, view: PoolView, train: bool) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the candidates and of the centres or observed items, if those count."""
    if embed is None:
        raise UsageError("this selector needs an embedding", hint="Give Compose an `embed`, such as Features.")
    x = embed.coordinates(view)
    return x, embed.covered(view) if train else x[:0]
