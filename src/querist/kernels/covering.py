"""Greedy maximum coverage by balls: every pick covers the most points that nothing covers yet. Neighbours are recomputed, never kept.

Every point is covered once, so the greedy costs two passes over the pairs whatever the number of picks.

Reference:
    Yehuda et al. 2022, arXiv 2205.11320 (ProbCover); at least (1 - 1/e) of the best possible coverage.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from querist.kernels import geometry
from querist.kernels.budget import current
from querist.kernels.neighbours import blocks, squared, within


def outside(x: Float[np.ndarray, "n d"], centres: Float[np.ndarray, "m d"], radii: Float[np.ndarray, " m"]) -> Bool[np.ndarray, " n"]:
    """Rows that lie in no centre's (open) ball."""
    free = np.ones(len(x), dtype=bool)
    if not len(centres):
        return free
    others = centres.astype(np.float64)
    for block in blocks(len(x), len(centres)):
        free[block] = ~within(x[block].astype(np.float64), others, radii).any(axis=1)
    return free


def pure_radii(
    x: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    centres: Float[np.ndarray, "m d"],
    own: Int[np.ndarray, " m"],
    widest: float,
    purity: float,
) -> Float[np.ndarray, " m"]:
    """A radius for every centre by bisection in [0, widest]: at least `purity` of the rows in its ball carry the centre's own label.

    Purity need not fall with the radius, so the radius is one that is pure enough with one that is not within widest / 4096 above it.

    Reference:
        Mishal & Weinshall 2024, arXiv 2407.01804.
    """
    shift, radii = x.mean(axis=0, dtype=np.float64), np.zeros(len(centres))
    wide = x.astype(np.float64) - shift
    for block in blocks(len(centres), len(x)):
        distance = np.sqrt(squared(centres[block].astype(np.float64) - shift, wide))
        same = labels == own[block][:, None]
        low, high = np.zeros(len(distance)), np.full(len(distance), widest)
        for _ in range(12):
            middle = (low + high) / 2
            inside = distance < middle[:, None]
            pure = (inside & same).sum(axis=1) >= purity * inside.sum(axis=1)
            low, high = np.where(pure, middle, low), np.where(pure, high, middle)
        radii[block] = low
    return radii


def counts_within(wide: Float[np.ndarray, "n d"], rows: Int[np.ndarray, " m"], radius: float) -> Int[np.ndarray, " n"]:
    """How many of these rows lie within the radius of every row, itself included."""
    counts = np.zeros(len(wide), dtype=np.int64)
    for block in blocks(len(wide), len(rows)):
        counts[block] = within(wide[block], wide[rows], radius).sum(axis=1)
    return counts


def ball_cover(
    x: Float[np.ndarray, "n d"],
    open_rows: Bool[np.ndarray, " n"],
    radius: float,
    k: int,
    score: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[Int[np.ndarray, " p"], Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Greedy cover.

    Args:
        x: Candidates; they are also the points to cover.
        open_rows: Points that no ball covers yet.
        radius: Of every pick's (open) ball.
        k: Number of picks.
        score: From the current gains (n,) to what the next pick maximises, computed anew for every pick; the gain if None.

    Returns:
        Rows in order, how many points each covered anew, and its score. Without `score` the greedy stops where no
        gain is left, so there may be fewer than k.
    """
    wide, live, free = x.astype(np.float64), open_rows.copy(), np.ones(len(x), dtype=bool)
    gains = counts_within(wide, np.flatnonzero(live), radius)
    picks: list[int] = []
    covered: list[int] = []
    values: list[float] = []
    while len(picks) < min(k, len(x)):
        wanted = gains if score is None else score(gains)
        pick = int(np.flatnonzero(free)[np.argmax(wanted[free])])
        if score is None and gains[pick] <= 0:
            break
        fresh = np.flatnonzero(live)
        fresh = fresh[within(wide[fresh], wide[pick : pick + 1], radius)[:, 0]]
        picks, covered, values = [*picks, pick], [*covered, len(fresh)], [*values, float(wanted[pick])]
        free[pick], live[fresh] = False, False
        if len(fresh):
            gains = gains - counts_within(wide, fresh, radius)
        current().picked(len(picks), k)
    return np.asarray(picks, dtype=np.int64), np.asarray(covered, dtype=np.int64), np.asarray(values, dtype=np.float64)


def farthest_rest(x: Float[np.ndarray, "n d"], centres: Float[np.ndarray, "m d"], picked: Int[np.ndarray, " p"], k: int) -> Int[np.ndarray, " q"]:
    """Further rows by farthest-first from centres and picks, until there are min(k, n) in all."""
    rest = np.setdiff1d(np.arange(len(x)), picked)
    if len(picked) >= min(k, len(x)):
        return rest[:0]
    rows, _ = geometry.k_center(x[rest], np.concatenate([centres, x[picked]]), k - len(picked))
    return np.asarray(rest[rows])
