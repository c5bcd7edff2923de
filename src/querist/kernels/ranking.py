"""Top-k with the house's tie-break."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

SPARSE = 64
"""One score in this many is looked at to guess a threshold."""


def top_k(scores: Float[np.ndarray, " n"], k: int) -> Int[np.ndarray, " p"]:
    """Rows of the min(k, n) largest scores, in descending order, ties to the lower row.

    A sample guesses a threshold that leaves a little more than k rows, a partition of those finds the real one, and only
    rows above or at it are sorted: two reads of the scores for small k. A wrong guess costs a partition of all.
    """
    k = min(k, len(scores))
    if k <= 0:
        return np.empty(0, dtype=np.int64)
    if k < len(scores) // 4:
        sample = scores[::SPARSE]
        place = min(len(sample), 2 * (k // SPARSE) + 16)
        guessed = np.flatnonzero(scores >= np.partition(sample, len(sample) - place)[len(sample) - place])
        rows = guessed if len(guessed) >= k else np.arange(len(scores))
        threshold = np.partition(scores[rows], len(rows) - k)[len(rows) - k]
        rows = rows[scores[rows] >= threshold]
    else:
        rows = np.arange(len(scores))
    order = np.lexsort((rows, -scores[rows]))
    return np.asarray(rows[order[:k]], dtype=np.int64)


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
