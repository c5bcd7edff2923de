"""How far two rankings agree."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def spearman(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    """Rank correlation in [-1, 1], tied values with their mean rank; NaN when one side is constant.

    Reference:
        Spearman 1904.
    """
    left, right = _ranks(a), _ranks(b)
    left, right = left - left.mean(), right - right.mean()
    scale = float(np.sqrt((left @ left) * (right @ right)))
    return float(left @ right) / scale if scale > 0 else float("nan")


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0, ties with their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts + 1) / 2)[place])
