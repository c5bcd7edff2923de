"""Greedy cover of a set by similarity: few items that look like all the others, chosen from a short list.

Reference:
    Yang et al. 2017, arXiv 1706.04737 (suggestive annotation); at least (1 - 1/e) of the best (Nemhauser, Wolsey & Fisher 1978).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.neighbours import unit

ROWS = 4096
"""Points of the set compared at a time."""


def max_cover(like: Callable[[slice], np.ndarray], n: int, m: int, k: int) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Greedy: every pick adds the most to F = Σ over the set of the largest similarity to a pick, which is 0 for no picks.

    Args:
        like: Rows of the set → their similarities (b, m) to the short list, ≥ 0.
        n: Size of the set.
        m: Length of the short list.
        k: Picks.

    Returns:
        min(k, m) places of the short list in order, ties to the lower one, and what each added.
    """
    blocks = [slice(start, min(start + ROWS, n)) for start in range(0, n, ROWS)]
    best, free = np.zeros(n), np.ones(m, dtype=bool)
    picks, gains = np.empty(min(k, m), dtype=np.int64), np.empty(min(k, m))
    for step in range(len(picks)):
        added = np.zeros(m)
        for block in blocks:
            added += np.maximum(like(block) - best[block, None], 0.0).sum(axis=0)
        pick = int(np.flatnonzero(free)[np.argmax(added[free])])
        picks[step], gains[step], free[pick] = pick, added[pick], False
        for block in blocks:
            best[block] = np.maximum(best[block], like(block)[:, pick])
    return picks, gains


def cosine_cover(short: Float[np.ndarray, "m d"], everything: Float[np.ndarray, "n d"], k: int) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """`max_cover` with the cosine of descriptors, a negative one being no similarity; descriptors of length 0 are like nothing.

    Args:
        short: The short list.
        everything: The set to cover.
        k: Picks.
    """
    few = unit(np.asarray(short, dtype=np.float64))

    def like(block: slice) -> np.ndarray:
        return np.asarray(np.maximum(unit(np.asarray(everything[block], dtype=np.float64)) @ few.T, 0.0))

    return max_cover(like, len(everything), len(few), k)
