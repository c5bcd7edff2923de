"""How much a data set repeats itself: distances to nearest neighbours, near-duplicates, effective rank. Plain arrays in, no labels read.

Reference:
    Roy & Vetterli 2007, "The effective rank: a measure of effective dimensionality" (entropy of the spectrum).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.floating]

NEAR: Final = 0.15
"""Two items are near-duplicates if they lie within this share of the median distance of two random items: copies with noise of a tenth do, and
in real sets of seven effective dimensions and more hardly anything else does (digits .2 %, wine and breast-cancer none, Fashion-MNIST .2 %)."""
DENSE: Final = 4.0
"""Below this effective rank items lie that close without being copies (iris: 71 %)."""
SAMPLE: Final = 2000
"""Items whose neighbours are looked for (among all items), and that the spectrum is taken of."""
_BLOCK: Final = 4096
_PAIRS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Redundancy:
    """Facts about a cloud of points.

    Attributes:
        items: Points.
        sampled: Points whose neighbours were looked for.
        dimension: Coordinates.
        effective_rank: exp of the entropy of the normalised spectrum of the covariance; `dimension` if all directions vary alike.
        scale: Median distance of two random items.
        nearest: Distance to the nearest other item over `scale`: quantiles .1, .5, .9.
        near_duplicates: Share of items with another one within `NEAR · scale`.
        copies: Share of items with another one at distance 0.
        distinct: Estimated number of items that are left if of near-duplicates one is kept.
    """

    items: int
    sampled: int
    dimension: int
    effective_rank: float
    scale: float
    nearest: tuple[float, float, float]
    near_duplicates: float
    copies: float
    distinct: float


def redundancy(x: Rows, rng: np.random.Generator, *, near: float = NEAR, sample: int = SAMPLE) -> Redundancy:
    """Facts about the rows of a matrix.

    Args:
        x: (n, d), n ≥ 2; flattened inputs or features.
        rng: Draws the sample and the random pairs.
        near: See `NEAR`.
        sample: See `SAMPLE`.
    """
    n = len(x)
    rows = np.sort(rng.permutation(n)[:sample])
    scale = typical_distance(x, rng)
    nearest, close = _neighbours(x, rows, near * scale)
    quantiles = np.quantile(nearest, (0.1, 0.5, 0.9)) / (scale or 1.0)
    return Redundancy(
        items=n,
        sampled=len(rows),
        dimension=int(x.shape[1]),
        effective_rank=effective_rank(x[rows]),
        scale=scale,
        nearest=(float(quantiles[0]), float(quantiles[1]), float(quantiles[2])),
        near_duplicates=float(np.mean(close > 0)),
        copies=float(np.mean(nearest == 0)),
        distinct=float(n * np.mean(1.0 / (1.0 + close))),
    )


def typical_distance(x: Rows, rng: np.random.Generator) -> float:
    """The median distance of two random items, by which near-duplicates are measured; see `NEAR`.

    Args:
        x: (n, d), n ≥ 2.
        rng: Draws the pairs.
    """
    n = len(x)
    first = rng.integers(0, n, _PAIRS)
    second = (first + rng.integers(1, n, _PAIRS)) % n
    return float(np.median(_gaps(x, first, second)))


def effective_rank(x: Rows) -> float:
    """The exponential of the entropy of the covariance's eigenvalues, as shares of their sum; 0 if nothing varies.

    Args:
        x: (n, d).
    """
    centred = np.asarray(x, dtype=np.float64) - x.mean(axis=0, dtype=np.float64)
    gram = centred @ centred.T if len(x) < x.shape[1] else centred.T @ centred
    spectrum = np.maximum(np.linalg.eigvalsh(gram), 0.0)
    if not spectrum.sum() > 0:
        return 0.0
    shares = spectrum[spectrum > 0] / spectrum.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _gaps(x: Rows, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    parts = [slice(start, start + 256) for start in range(0, len(first), 256)]
    differences = (x[first[part]].astype(np.float64) - x[second[part]] for part in parts)
    return np.concatenate([np.sqrt(np.einsum("nd,nd->n", gap, gap)) for gap in differences])


def _neighbours(x: Rows, rows: NDArray[np.int64], radius: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distance of each row to its nearest other one, and how many others lie within the radius."""
    nearest, close = np.full(len(rows), np.inf), np.zeros(len(rows), dtype=np.int64)
    mean = x.mean(axis=0, dtype=np.float64)
    for start in range(0, len(rows), 512):
        part = rows[start : start + 512]
        points = x[part].astype(np.float64) - mean
        length = np.einsum("nd,nd->n", points, points)
        for first in range(0, len(x), _BLOCK):
            block = x[first : first + _BLOCK].astype(np.float64) - mean
            squares = length[:, None] + np.einsum("nd,nd->n", block, block) - 2.0 * (points @ block.T)
            # Copies come out as rounding noise of the lengths: that much is 0.
            squares[squares <= 1e-12 * length[:, None]] = 0.0
            own = np.flatnonzero((part >= first) & (part < first + len(block)))
            squares[own, part[own] - first] = np.inf
            nearest[start : start + 512] = np.minimum(nearest[start : start + 512], squares.min(axis=1))
            close[start : start + 512] += (squares <= radius**2).sum(axis=1)
    return np.sqrt(nearest), close
