"""How sure a model is of a whole sequence: the probability of the best one, per token or not, and samples that decode differently.

Reference:
    Shen et al. 2018, arXiv 1707.05928 (MNLP; BALD by word); Siddhant & Lipton 2018, arXiv 1808.05697 (BALD by sequence).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from querist.kernels import ragged

UNSURE = -np.finfo(np.float64).max
"""Finite, and below every score: an item without tokens is asked for last."""


def least_confident(logprob: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """1 - P(best sequence), in [0, 1]; prefers long sequences, whose products are small."""
    return np.asarray(-np.expm1(np.asarray(logprob, dtype=np.float64)))


def mnlp(logprob: Float[np.ndarray, " n"], lengths: Int[np.ndarray, " n"], empty: float = UNSURE) -> Float[np.ndarray, " n"]:
    """Log-probability of the best sequence per token, negated: higher is less sure (`len_norm`).

    Args:
        logprob: log max_y P(y | x), normalised: of a CRF the score of the best path less log Z.
        lengths: Tokens.
        empty: Of a sequence without tokens: last.
    """
    wide = np.asarray(logprob, dtype=np.float64)
    return np.where(lengths > 0, -wide / np.maximum(lengths, 1), empty)


def word_disagreement(tags: Int[np.ndarray, "s k"], offsets: Int[np.ndarray, " o"], empty: float = 0.0) -> Float[np.ndarray, " n"]:
    """Mean over words of 1 - (samples that give the modal tag) / k: BALD as Shen et al. compute it."""
    ordered = np.sort(tags, axis=1)
    return ragged.mean(1.0 - _longest_run(ordered[:, 1:] == ordered[:, :-1]) / tags.shape[1], offsets, None, empty)


def sequence_disagreement(tags: Int[np.ndarray, "s k"], offsets: Int[np.ndarray, " o"], empty: float = 0.0) -> Float[np.ndarray, " n"]:
    """1 - (samples that decode to the modal sequence) / k: BALD as Siddhant & Lipton compute it (`seq_disagree`)."""
    out = np.full(len(offsets) - 1, empty)
    for item in np.flatnonzero(np.diff(offsets) > 0):
        _, counts = np.unique(tags[offsets[item] : offsets[item + 1]], axis=1, return_counts=True)
        out[item] = 1.0 - counts.max() / tags.shape[1]
    return out


def _longest_run(same: np.ndarray) -> np.ndarray:
    """1 + the longest run of True in each row."""
    run, best = np.ones(len(same)), np.ones(len(same))
    for column in same.T:
        run = np.where(column, run + 1.0, 1.0)
        best = np.maximum(best, run)
    return best
