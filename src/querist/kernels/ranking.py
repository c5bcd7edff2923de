"""Top-k with the house's tie-break."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def top_k(scores: Float[np.ndarray, " n"], k: int) -> Int[np.ndarray, " p"]:
    """Rows of the min(k, n) largest scores, in descending order, ties to the lower row.

    `argpartition` finds the threshold, then only rows above or at it are sorted: O(n) for small k.
    """
    k = min(k, len(scores))
    if k <= 0:
        return np.empty(0, dtype=np.int64)
    if k < len(scores) // 4:
        threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
        rows = np.flatnonzero(scores >= threshold)
    else:
        rows = np.arange(len(scores))
    order = np.lexsort((rows, -scores[rows]))
    return np.asarray(rows[order[:k]], dtype=np.int64)
