"""Batches as sparse approximations of the pool's log-likelihood: ACS-FW and Hilbert coresets.

Reference:
    Pinsler et al. 2019, arXiv 1908.02144 (ACS-FW); Campbell & Broderick 2019, arXiv 1710.05053 (Hilbert coresets).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.embeddings import Embedding, Points, Vectors
from querist.acquire.selectors import Picks
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.kernels import geometry, sparse


@dataclass(frozen=True)
class Projected:
    """Each candidate as the vector of its expected log-likelihoods under the posterior samples.

    Labelled and pending items are no part of it: the target is what is still to be learned, the sum over the candidates.

    Attributes:
        centred: Subtract each vector's mean; needs k > 1 posterior samples to leave anything.
        entropy: γ in [0, 1], weight of the predictive entropy that is added to every coordinate.
    """

    centred: bool = False
    entropy: float = 0.0

    @property
    def needs(self) -> frozenset[str]:
        """Always `probs`."""
        return frozenset({"probs"})

    def points(self, view: PoolView) -> Points:
        """The candidates."""
        return Vectors(self.coordinates(view))

    def coordinates(self, view: PoolView) -> np.ndarray:
        """(n, k) of the candidates."""
        if not 0.0 <= self.entropy <= 1.0:
            raise UsageError("the weight of the entropy is out of range", got=self.entropy, wanted="0 ≤ entropy ≤ 1")
        return finite(sparse.projections(view.stat("probs"), self.centred, self.entropy), view.candidates, "probs")

    def covered(self, view: PoolView) -> np.ndarray:
        """None: (0, k)."""
        return self.coordinates(view)[:0]


@dataclass(frozen=True)
class FrankWolfe:
    """Frank–Wolfe with exact line search; what it leaves open is filled farthest-first in the same space.

    Attributes:
        vertex_start: Begin on the polytope instead of at w = 0.
        floor: Candidates whose vector is shorter than this share of the longest are left to the fill. Only directions are
            compared, so a certain item with a tiny vector can win; its huge weight is then thrown away with all others.
    """

    vertex_start: bool = False
    floor: float = 0.1

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        v = _vectors(embed, view)
        norms = np.sqrt(np.einsum("nk,nk->n", v, v))
        found = sparse.frank_wolfe(lambda row: v @ v[row], v @ v.sum(axis=0), norms, k, self.vertex_start, self.floor)
        return _picks(v, found, k)


@dataclass(frozen=True)
class Coreset:
    """A Hilbert coreset; what the solver leaves open is filled farthest-first in the same space.

    Attributes:
        solver: `giga`, `fw` (Frank–Wolfe) or `omp` (orthogonal pursuit, needs scipy).
        floor: As in `FrankWolfe`.
    """

    solver: str = "giga"
    floor: float = 0.1

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        if self.solver == "fw":
            return FrankWolfe(vertex_start=True, floor=self.floor).choose(view, scores, embed, k, rng)
        if self.solver not in ("giga", "omp"):
            raise UsageError("unknown solver of a Hilbert coreset", got=self.solver, wanted="giga, fw or omp")
        v = _vectors(embed, view)
        return _picks(v, (sparse.giga if self.solver == "giga" else sparse.orthogonal_pursuit)(v, k, self.floor), k)


def _vectors(embed: Embedding | None, view: PoolView) -> np.ndarray:
    if embed is None:
        raise UsageError("a sparse approximation needs an embedding", hint="Give Compose an `embed`, such as Projected.")
    return embed.coordinates(view)


def _picks(v: np.ndarray, found: sparse.Sparse, k: int) -> Picks:
    """The rows of the approximation, then the farthest from them among the rest: never a duplicate before all distinct vectors."""
    rest = np.setdiff1d(np.arange(len(v)), found.rows)
    more, _ = geometry.k_center(v[rest], v[found.rows], k - len(found.rows))
    rows = np.concatenate([found.rows, rest[more]])
    left = float(found.errors[-1] / found.errors[0]) if found.errors[0] > 0 else 0.0
    why = [f"weight {weight:.4g} in a sum that misses the pool's by {left:.2%}" for weight in found.weights]
    why += ["fill: farthest from the batch, nothing was left to approximate"] * len(more)
    return Picks(rows, np.concatenate([found.values, np.zeros(len(more))]), why)
