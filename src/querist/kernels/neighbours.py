"""Neighbours: unit rows, the k nearest, balls, typicality, purity. Blocks of distances by GEMM in float64, never n × n.

Rows are shifted to their mean first: distances stay as they are, cancellation shrinks.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int

PAIRS = 1 << 20
"""Distances held at a time: 8 MB."""

DOUBT = 1e-12
"""Share of the largest squared norms up to which rounding may decide whether a pair lies inside a radius."""

GOLDEN = (5**0.5 - 1) / 2


def unit(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """The rows divided by their Euclidean norms, in the type they came in; rows of zeros stay zero."""
    norms = np.sqrt(np.einsum("nd,nd->n", x, x, dtype=np.float64))
    return np.asarray(x / np.where(norms > 0, norms, 1.0).astype(x.dtype)[:, None])


def spread(n: int, m: int) -> Int[np.ndarray, " m"]:
    """min(m, n) rows of n, ascending, evenly strewn without a period: the golden section modulo 1.

    A fixed stride would meet pools that repeat their classes in turn on one class only; a draw would make the caller stochastic.
    """
    if m >= n:
        return np.arange(n, dtype=np.int64)
    order = np.argsort(np.arange(n) * GOLDEN % 1.0, kind="stable")
    places = np.empty(n, dtype=np.int64)
    places[order] = np.arange(n)
    return np.asarray(np.sort(places[:m]))


def shifted(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """A float64 copy with mean zero."""
    wide = x.astype(np.float64)
    return np.asarray(wide - wide.mean(axis=0))


def squared(rows: Float[np.ndarray, "a d"], others: Float[np.ndarray, "b d"]) -> Float[np.ndarray, "a b"]:
    """‖row - other‖² of all pairs, ≥ 0, by one product."""
    near = rows @ others.T
    near *= -2.0
    near += np.einsum("ad,ad->a", rows, rows)[:, None]
    near += np.einsum("bd,bd->b", others, others)
    return np.asarray(np.maximum(near, 0.0, out=near))


def blocks(n: int, width: int) -> Iterator[slice]:
    """Slices of n rows whose distances to `width` others fit `PAIRS`; the last one may be shorter and is never left out."""
    step = max(1, PAIRS // max(width, 1))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def within(rows: Float[np.ndarray, "a d"], others: Float[np.ndarray, "b d"], radius: float | Float[np.ndarray, " b"]) -> Bool[np.ndarray, "a b"]:
    """‖row - other‖ < radius, strictly, a radius for all others or for each. Wants float64, not shifted.

    Pairs at which the rounding of a product could decide are measured by differences.
    """
    reach = np.broadcast_to(np.asarray(radius, dtype=np.float64), (len(others),))
    shift = others.mean(axis=0) if len(others) else 0.0
    here, there = rows - shift, others - shift
    near = squared(here, there)
    inside = near < reach**2
    slack = DOUBT * max(float(np.einsum("nd,nd->n", part, part).max(initial=0.0)) for part in (here, there))
    near -= np.where(np.isfinite(reach) & (reach > 0), reach, np.inf) ** 2
    doubtful = np.argwhere(np.abs(near, out=near) <= slack)
    for start in range(0, len(doubtful), 4096):
        i, j = doubtful[start : start + 4096].T
        gap = rows[i] - others[j]
        inside[i, j] = np.sqrt(np.einsum("pd,pd->p", gap, gap)) < reach[j]
    return np.asarray(inside)


def k_nearest(x: Float[np.ndarray, "n d"], k: int) -> tuple[Float[np.ndarray, "n k"], Int[np.ndarray, "n k"]]:
    """The min(k, n - 1) nearest other rows of every row: Euclidean distances ascending, and their rows; ties to the lower row."""
    wide, k = shifted(x), min(k, len(x) - 1)
    distances, rows = np.zeros((len(x), max(k, 0))), np.zeros((len(x), max(k, 0)), dtype=np.int64)
    if k <= 0:
        return distances, rows
    for block in blocks(len(x), len(x)):
        near = squared(wide[block], wide)
        here = np.arange(len(near))
        near[here, here + block.start] = np.inf
        limit = np.partition(near, k - 1, axis=1)[:, k - 1 : k]
        tied = near == limit
        # Below the k-th distance all, at it the lowest rows, as many as are wanted.
        chosen = (near < limit) | (tied & (np.cumsum(tied, axis=1) <= k - (near < limit).sum(axis=1, keepdims=True)))
        columns = np.nonzero(chosen)[1].reshape(-1, k)
        order = np.argsort(np.take_along_axis(near, columns, axis=1), axis=1, kind="stable")
        rows[block] = np.take_along_axis(columns, order, axis=1)
        distances[block] = np.sqrt(np.take_along_axis(near, rows[block], axis=1))
    return distances, rows


def typicality(x: Float[np.ndarray, "n d"], k: int, *, squares: bool = False) -> Float[np.ndarray, " n"]:
    """1 / (mean distance to the k nearest others + 1e-5), in (0, 1e5]; `squares` averages squared distances instead.

    A single row has no neighbours and gets the 1e5 of a crowded place.

    Reference:
        Hacohen, Dekel & Weinshall 2022, arXiv 2202.02794; their code averages squared distances.
    """
    wide, k = shifted(x), min(k, len(x) - 1)
    mean = np.zeros(len(x))
    for block in blocks(len(x), len(x)) if k > 0 else ():
        near = squared(wide[block], wide)
        here = np.arange(len(near))
        near[here, here + block.start] = np.inf
        closest = np.partition(near, k - 1, axis=1)[:, :k]
        mean[block] = (closest if squares else np.sqrt(closest)).mean(axis=1)
    return np.asarray(1.0 / (mean + 1e-5))


def smallest_gap(x: Float[np.ndarray, "n d"]) -> float:
    """The smallest distance between two rows that are not the same place (up to rounding); infinite if there are no two."""
    if len(x) < 2:
        return np.inf
    wide = shifted(x)
    zero = 1e-12 * float(np.einsum("nd,nd->n", wide, wide).max(initial=0.0))
    least = np.inf
    for block in blocks(len(x), len(x)):
        near = squared(wide[block], wide)
        least = min(least, float(near[near > zero].min(initial=np.inf)))
    return float(np.sqrt(least))


def purity_radius(x: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"], purity: float, probes: Int[np.ndarray, " m"]) -> float:
    """The largest radius at which at least `purity` of the probes have a ball (open) of their own label only.

    A ball is pure up to the distance of the nearest row of another label, so the radius is a quantile of those distances
    and needs no search. Infinite where there is one label.

    Reference:
        Yehuda et al. 2022, arXiv 2205.11320 (the rule; purity 0.95 there).
    """
    shift = x.mean(axis=0, dtype=np.float64)
    centres = x[probes].astype(np.float64) - shift
    best, rival = np.full(len(probes), np.inf), np.zeros(len(probes), dtype=np.int64)
    for block in blocks(len(x), len(probes)):
        near = squared(x[block].astype(np.float64) - shift, centres)
        near[labels[block][:, None] == labels[probes]] = np.inf
        closest = near.argmin(axis=0)
        least = near[closest, np.arange(len(probes))]
        rival = np.where(least < best, closest + block.start, rival)
        best = np.minimum(best, least)
    gap = centres - (x[rival].astype(np.float64) - shift)
    # By differences again: the radius is a distance of the data, and `within` must not let its own pair in.
    reach = np.sort(np.where(np.isfinite(best), np.sqrt(np.einsum("md,md->m", gap, gap)), np.inf))
    return float(reach[len(reach) - int(np.ceil(purity * len(reach) - 1e-9))]) if len(reach) else np.inf
