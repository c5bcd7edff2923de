"""Are these numbers distributions? One read of the pool, no temporary of its size."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

ITEMS = 1 << 18
"""Probabilities checked at a time."""


def tolerance(dtype: np.dtype[np.generic]) -> float:
    """How far probabilities of this type may miss the sum 1: they may have been rounded to three digits, two in half precision."""
    return 1e-2 if dtype.itemsize == 2 else 1e-3


def first_improper(probs: Float[np.ndarray, "n k c"], tolerance: float = 1e-3) -> int | None:
    """Row of the first item with a sample that is no distribution.

    Args:
        probs: Any real dtype, any strides; a memmap is read in blocks.
        tolerance: How far a sum may be from 1.

    Returns:
        A row with a number below 0, a sum off 1, NaN or infinity; None if there is none.
    """
    n, k, c = probs.shape
    step = max(1, ITEMS // max(1, k * c))
    # A matrix–vector product sums short rows several times faster than a reduction does; float32 is exact enough for the tolerance.
    wide: type[np.floating] = np.float64 if probs.dtype == np.float64 else np.float32
    ones: np.ndarray = np.ones(c, dtype=wide)
    for start in range(0, n, step):
        block: np.ndarray = np.ascontiguousarray(probs[start : start + step], dtype=wide)
        with np.errstate(invalid="ignore", over="ignore"):
            sums = block.reshape(-1, c) @ ones
        if block.min() >= 0 and sums.min() > 1 - tolerance and sums.max() < 1 + tolerance:
            continue
        fine = (np.abs(sums - 1) < tolerance).reshape(len(block), k) & (block >= 0).all(axis=2)
        if not fine.all():
            return start + int(fine.all(axis=1).argmin())
    return None
