"""Coverage: facility location with any similarity (MaxHerding is its Gaussian) and ProbCover's balls.

Reference:
    Facility location and FASS: Wei, Iyer & Bilmes 2015. MaxHerding: arXiv 2407.12212. ProbCover: arXiv 2205.11320.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.compose import Subview
from querist.acquire.embeddings import Embedding
from querist.acquire.selectors import Picks
from querist.acquire.unit import SAMPLE, sampled, space
from querist.core.contracts import PoolView
from querist.kernels import covering, herding, neighbours, partition

PROBES = 1024
"""Rows at which the purity of a radius is measured in pools larger than the sample."""


def with_rest(x: np.ndarray, covered: np.ndarray, rows: np.ndarray, gains: np.ndarray, k: int, why: list[str]) -> Picks:
    """The picks, filled up farthest-first where no gain was left, and saying so; such picks have value 0."""
    rest = covering.farthest_rest(x, covered, rows, k)
    told = [*why, *(["nothing left to cover: farthest from everything covered or picked"] * len(rest))]
    return Picks(np.concatenate([rows, rest]), np.concatenate([gains, np.zeros(len(rest))]).astype(np.float64), told)


@dataclass(frozen=True)
class FacilityLocation:
    """Each pick adds most to Σ_i max(0, k(x_i, x_j) - c_i), c_i the similarity of i to the most similar covered or picked item.

    Attributes:
        similarity: Of squared distances; `Cosine` wants unit rows.
        neighbours: Let a row be represented only by its so many nearest ones; 0 compares all pairs.
        sample: In larger pools so many candidates, evenly strewn over the ids, stand for all; four times k at least.
    """

    similarity: herding.Gaussian | herding.Cosine | herding.Inverse = herding.Cosine()
    neighbours: int = 0
    sample: int = SAMPLE

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        rows, note = sampled(len(view.candidates), k, self.sample)
        x, covered = space(embed, Subview(view, rows) if note else view, "FacilityLocation")
        if self.neighbours:
            picks, gains = herding.sparse_facility_location(x, covered, self.similarity, k, self.neighbours)
        else:
            picks, gains = herding.facility_location(x, covered, self.similarity, k)
        found = with_rest(x, covered, picks, gains, k, [f"adds {gain:.4g} to the coverage{note}" for gain in gains])
        return found._replace(rows=rows[found.rows])


@dataclass(frozen=True)
class ProbCover:
    """Each pick has the most uncovered candidates in its ball.

    Attributes:
        delta: Radius of the balls; 0 takes the largest at which `purity` of the balls hold one pseudo-label only.
        purity: Share of pure balls.
        sample: As in `FacilityLocation`.
    """

    delta: float = 0.0
    purity: float = 0.95
    sample: int = SAMPLE

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        x, covered = space(embed, view, "ProbCover")
        delta = self.delta or ball_radius(np.concatenate([covered, x]), view.classes, self.purity, self.sample, rng)
        rows, note = sampled(len(x), k, self.sample)
        x = x[rows]
        live = covering.outside(x, covered, np.full(len(covered), delta))
        picks, fresh, _ = covering.ball_cover(x, live, delta, k)
        why = [f"{count} uncovered items within {delta:.4g}{note}" for count in fresh]
        found = with_rest(x, covered, picks, fresh.astype(np.float64), k, why)
        return found._replace(rows=rows[found.rows])


def ball_radius(x: np.ndarray, classes: int, purity: float, sample: int, rng: np.random.Generator) -> float:
    """ProbCover's radius: pseudo-labels by k-means with as many clusters as classes, then the purity rule."""
    labels = partition.k_means(x, max(classes, 2), rng)
    probes = neighbours.spread(len(x), len(x) if len(x) <= sample else PROBES)
    return neighbours.purity_radius(x, labels, purity, probes)
