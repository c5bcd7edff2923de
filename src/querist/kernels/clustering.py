"""k-means++ seeding over any squared distance: each pick is drawn with probability ∝ D², its distance to the picks so far.

The plain form, one call per pick. Where distances come in blocks, `seeding` draws from the same distribution with far fewer passes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

RELATIVE_ZERO = 1e-12
"""Squared distances below this share of the largest norm are rounding noise of duplicates."""


def kmeans_pp(
    distances_to: Callable[[int], np.ndarray], norms: Float[np.ndarray, " n"], k: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Draw min(k, n) distinct rows.

    Args:
        distances_to: Row index → squared distances (n,) of all rows to it.
        norms: Squared norms; the first pick is the largest, ties to the lowest row.
        k: Number of picks.
        rng: Draws by inverse distribution function over a float64 cumulative sum.

    Returns:
        Rows in the order drawn and each one's D² when drawn (the norm for the first). When every D² is 0 (duplicates,
        a network that is certain of everything) the rest is drawn uniformly from the rows not yet picked, with D² = 0.

    Reference:
        Arthur & Vassilvitskii 2007; first centre as in Ash et al. 2020, arXiv 1906.03671.
    """
    n = len(norms)
    picks = np.empty(min(k, n), dtype=np.int64)
    drawn = np.zeros(len(picks), dtype=np.float64)
    if not len(picks):
        return picks, drawn
    free = np.ones(n, dtype=bool)
    zero = RELATIVE_ZERO * float(norms.max())
    near = np.full(n, np.inf)
    for step in range(len(picks)):
        if step == 0:
            pick, weight = int(np.argmax(norms)), float(norms.max())
        else:
            pick, weight = _draw(np.where(free & (near > zero), near, 0.0), free, rng)
        picks[step], drawn[step] = pick, weight
        free[pick] = False
        np.minimum(near, distances_to(pick), out=near)
    return picks, drawn


def _draw(weights: np.ndarray, free: np.ndarray, rng: np.random.Generator) -> tuple[int, float]:
    total = np.cumsum(weights, dtype=np.float64)
    if total[-1] <= 0:
        return int(rng.choice(np.flatnonzero(free))), 0.0
    pick = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
    return pick, float(weights[pick])
