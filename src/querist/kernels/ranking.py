"""Top-k with the house's tie-break."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

BLOCK = 1 << 16
"""Scores looked at at a time."""


def top_k(scores: Float[np.ndarray, " n"], k: int) -> Int[np.ndarray, " p"]:
    """Rows of the min(k, n) largest scores, in descending order, ties to the lower row.

    One pass in blocks keeps the k best values so far, then only rows at or above the k-th are sorted: O(n) for small k, no copy of the scores.
    """
    k = min(k, len(scores))
    if k <= 0:
        return np.empty(0, dtype=np.int64)
    if k < len(scores) // 4:
        threshold = _kth_largest(scores, k)
        rows = np.concatenate([start + np.flatnonzero(scores[start : start + BLOCK] >= threshold) for start in range(0, len(scores), BLOCK)])
    else:
        rows = np.arange(len(scores))
    order = np.lexsort((rows, -scores[rows]))
    return np.asarray(rows[order[:k]], dtype=np.int64)


def _kth_largest(scores: np.ndarray, k: int) -> float:
    """The k-th largest score, k ≥ 1."""
    kept = np.partition(scores[: max(k, BLOCK)], -k)[-k:]
    for start in range(max(k, BLOCK), len(scores), BLOCK):
        block = scores[start : start + BLOCK]
        better = block[block > kept[0]]
        if len(better):
            kept = np.partition(np.concatenate([kept, better]), -k)[-k:]  # its first is its least: that is where the partition was
    return float(kept[0])


def gumbel_top_k(weights: Float[np.ndarray, " n"], k: int, rng: np.random.Generator) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " n"]]:
    """Draw min(k, n) rows without replacement, each with probability ∝ exp(weight) of what is left (Gumbel top-k).

    One draw per row, in row order, so the first j of k rows are the rows of j. Rows of weight -∞ come last, in random order.

    Returns:
        Rows in the order of the draw, and the perturbed weights (n,) that were sorted.

    Reference:
        Kool et al. 2019, arXiv 1903.06059; as a batch acquisition Kirsch et al. 2021, arXiv 2106.12059.
    """
    noise = rng.gumbel(size=len(weights))
    never = np.isneginf(weights)
    keys = np.where(never, 0.0, weights) + noise
    if never.any() and not never.all():
        keys[never] = keys[~never].min() - 1.0 - (noise[never].max() - noise[never])
    return top_k(keys, k), keys


def tie_broken(scores: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"], highest: float) -> Float[np.ndarray, " n"]:
    """Scores of few distinct values, with ties in the order of a second score in [0, highest]; nothing moves by more than 1e-6."""
    return np.asarray(scores + second * (1e-6 / max(highest, 1e-12)))
