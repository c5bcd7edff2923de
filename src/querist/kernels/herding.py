"""Greedy kernel coverage: facility location, MaxHerding, and with weights uncertainty herding.

The objective of a set S is Σ_i w_i max_{s in S} k(x_i, s), monotone and submodular, so greedy reaches (1 - 1/e) of the best and
a gain that was computed earlier bounds the gain now. Picks equal those of the plain greedy in float64.

Reference:
    Bae, Noh & Sutherland 2024, arXiv 2407.12212; Bae, Oliveira & Sutherland 2025, arXiv 2412.20644; lazy greedy: Minoux 1978.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from querist.kernels import geometry
from querist.kernels.budget import State, current
from querist.kernels.neighbours import blocks, k_nearest, shifted, squared

CACHE = 1 << 30
"""Bytes that the similarities may take as float32; above it they are computed anew whenever they are wanted."""

TIE = 1e-9
"""Gains closer than this share are equal: rounding must not decide, the lower row wins."""

Similarity = Callable[[np.ndarray], np.ndarray]
"""Squared distances to similarities ≥ 0, falling; 0 at infinity."""


@dataclass(frozen=True)
class Gaussian:
    """exp(-d² / width²)."""

    width: float = 1.0

    def __call__(self, near: np.ndarray) -> np.ndarray:
        """Similarities."""
        return np.asarray(np.exp(near / -(self.width**2)))


@dataclass(frozen=True)
class Cosine:
    """(1 + cosine) / 2 of rows of length one, which is 1 - d² / 4."""

    def __call__(self, near: np.ndarray) -> np.ndarray:
        """Similarities."""
        return np.asarray(np.maximum(1.0 - near / 4.0, 0.0))


@dataclass(frozen=True)
class Inverse:
    """1 / (1 + d)."""

    def __call__(self, near: np.ndarray) -> np.ndarray:
        """Similarities."""
        return np.asarray(1.0 / (1.0 + np.sqrt(near)))


def facility_location(
    x: Float[np.ndarray, "n d"],
    covered: Float[np.ndarray, "m d"],
    similarity: Similarity,
    k: int,
    weights: Float[np.ndarray, " n"] | None = None,
    cache: int = CACHE,
) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Greedy argmax_j Σ_i w_i max(0, k(x_i, x_j) - c_i), c_i the best similarity of row i to what is covered or picked.

    Args:
        x: Candidates; they are also the points to cover.
        covered: Labelled and pending points.
        similarity: Of squared distances.
        k: Number of picks.
        weights: ≥ 0, ones if None.
        cache: Bytes of similarities that may be kept.

    Returns:
        Rows in order and their gains; fewer than k where no gain is left.
    """
    n, wide, budget = len(x), shifted(x), current()
    state = budget.resumed("facility_location", n)
    w = np.ones(n) if weights is None else weights.astype(np.float64)
    best = similarity(geometry.nearest_squared(x, covered)).astype(np.float64)
    kept = np.empty((n, n), dtype=np.float32) if 4 * n * n <= cache else None
    bound = np.empty(n)
    for block in blocks(n, n) if state is None or kept is not None else ():
        alike = similarity(squared(wide[block], wide))
        bound[block] = np.maximum(alike - best, 0.0) @ w
        if kept is not None:
            kept[block] = np.nextafter(alike.astype(np.float32), np.float32(np.inf))
    free = np.ones(n, dtype=bool)
    picks: list[int] = []
    gains: list[float] = []
    if state is not None:
        picks, gains, bound = list(state.picks), list(state.values), state.extra["bound"].copy()
        free[picks] = False
        for pick in picks:
            np.maximum(best, similarity(squared(wide[pick : pick + 1], wide))[0], out=best)
    while len(picks) < min(k, n):
        pick, gain = _next(wide, similarity, best, w, bound, free, kept)
        if gain <= 1e-12 * float(w.sum()):
            break
        picks.append(pick)
        gains.append(gain)
        free[pick] = False
        np.maximum(best, similarity(squared(wide[pick : pick + 1], wide))[0], out=best)
        # The bounds decide which gains are multiplied together, and so their last bits.
        budget.commit(lambda: State("facility_location", n, tuple(picks), tuple(gains), {"bound": bound.copy()}))
        budget.picked(len(picks), k)
    return np.asarray(picks, dtype=np.int64), np.asarray(gains, dtype=np.float64)


def _next(
    wide: np.ndarray, similarity: Similarity, best: np.ndarray, w: np.ndarray, bound: np.ndarray, free: np.ndarray, kept: np.ndarray | None
) -> tuple[int, float]:
    """The free row of the largest gain. `bound` (n,) ≥ the gains, and is tightened on the way.

    Bounds are first tightened from the kept similarities (float32, rounded up), and only rows that still lead are measured in float64.
    """
    measured, rough = np.zeros(len(free), dtype=bool), np.full(len(free), kept is None)
    top, width = 0.0, 32
    while True:
        open_rows = np.flatnonzero(free & ~measured & (bound >= top * (1 - TIE)))
        if not len(open_rows):
            break
        lead = open_rows if len(open_rows) <= width else open_rows[np.argpartition(-bound[open_rows], width)[:width]]
        stale = lead[~rough[lead]]
        if kept is not None and len(stale):
            bound[stale] = np.minimum(bound[stale], _from_above(kept, stale, best, w))
            rough[stale] = True
            width = min(2 * width, 1024)
            continue
        lead = np.sort(lead[np.argsort(-bound[lead], kind="stable")[:32]])
        bound[lead] = np.maximum(similarity(squared(wide[lead], wide)) - best, 0.0) @ w
        measured[lead] = True
        top = max(top, float(bound[lead].max()))
    rows = np.flatnonzero(measured & (bound >= top * (1 - TIE)))
    return int(rows[0]), float(bound[rows[0]])


def _from_above(kept: np.ndarray, rows: np.ndarray, best: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Upper bounds of the gains in float32: every rounding goes up, and n · 2⁻²³ bounds that of the sum."""
    part = kept[rows]
    part -= np.nextafter(best.astype(np.float32), np.float32(-np.inf))
    np.maximum(part, 0.0, out=part)
    total = part @ np.nextafter(w.astype(np.float32), np.float32(np.inf))
    return np.asarray(total.astype(np.float64) * (1.0 + (len(w) + 8) * 2.0**-23))


def sparse_facility_location(
    x: Float[np.ndarray, "n d"], covered: Float[np.ndarray, "m d"], similarity: Similarity, k: int, neighbours: int
) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """The same where a row can be represented only by itself and its nearest `neighbours`: memory O(n · neighbours), time of the graph O(n²d)."""
    distances, near = k_nearest(x, neighbours)
    centres = np.concatenate([np.arange(len(x))[:, None], near], axis=1)
    alike = np.concatenate([similarity(np.zeros((len(x), 1))), similarity(distances**2)], axis=1)
    best = similarity(geometry.nearest_squared(x, covered)).astype(np.float64)
    budget = current()
    state = budget.resumed("sparse_facility_location", len(x))
    picks, gains = (list(state.picks), list(state.values)) if state else ([], [])
    free = np.ones(len(x), dtype=bool)
    free[picks] = False
    for pick in picks:
        _represent(pick, centres, alike, best)
    while len(picks) < min(k, len(x)):
        gain = np.bincount(centres.ravel(), weights=np.maximum(alike - best[:, None], 0.0).ravel(), minlength=len(x))
        top = float(gain[free].max())
        if top <= 1e-12 * len(x):
            break
        pick = int(np.flatnonzero(free & (gain >= top * (1 - TIE)))[0])
        picks.append(pick)
        gains.append(float(gain[pick]))
        free[pick] = False
        _represent(pick, centres, alike, best)
        budget.commit(lambda: State("sparse_facility_location", len(x), tuple(picks), tuple(gains)))
        budget.picked(len(picks), k)
    return np.asarray(picks, dtype=np.int64), np.asarray(gains, dtype=np.float64)


def _represent(pick: int, centres: Int[np.ndarray, "n m"], alike: Float[np.ndarray, "n m"], best: Float[np.ndarray, " n"]) -> None:
    rows, places = np.nonzero(centres == pick)
    best[rows] = np.maximum(best[rows], alike[rows, places])
