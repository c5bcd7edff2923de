"""Scores of hundreds of posterior samples without keeping them: sums over the samples hold all that entropy, BALD, votes and spread need.

Moments are rows (n, 3 c + 1): mean probabilities, mean squares, shares of votes, and the mean entropy of a sample.

Reference:
    Chitta, Alvarez, Haussmann & Farabet 2019, "Training data subset search with ensemble active learning", arXiv 1905.12737.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from querist.kernels.information import xlogy


class Accumulator:
    """Sums over samples of n items and c classes, in float64; memory does not grow with the samples.

    Args:
        n: Items.
        c: Classes.
    """

    def __init__(self, n: int, c: int) -> None:
        self._sums = np.zeros((n, 3 * c + 1))
        self._count = 0

    def add(self, probs: Float[np.ndarray, "n c"]) -> None:
        """One more sample. A vote is for the first of equal classes."""
        p = np.asarray(probs, dtype=np.float64)
        n, c = p.shape
        self._sums[:, :c] += p
        self._sums[:, c : 2 * c] += p * p
        self._sums[np.arange(n), 2 * c + p.argmax(axis=1)] += 1.0
        self._sums[:, -1] += _entropy(p)
        self._count += 1

    @property
    def moments(self) -> Float[np.ndarray, "n m"]:
        """Means over the samples so far."""
        return np.asarray(self._sums / max(self._count, 1))


def entropy(moments: Float[np.ndarray, "n m"]) -> Float[np.ndarray, " n"]:
    """Entropy of the mean probabilities, in nats."""
    return _entropy(_part(moments, 0))


def bald(moments: Float[np.ndarray, "n m"]) -> Float[np.ndarray, " n"]:
    """Mutual information of label and sample: entropy of the mean less the mean entropy, ≥ 0."""
    return np.asarray(np.maximum(entropy(moments) - moments[:, -1], 0.0))


def variation_ratio(moments: Float[np.ndarray, "n m"]) -> Float[np.ndarray, " n"]:
    """Share of samples that do not vote for the class with most votes."""
    return np.asarray(1.0 - _part(moments, 2).max(axis=1))


def mean_std(moments: Float[np.ndarray, "n m"]) -> Float[np.ndarray, " n"]:
    """Standard deviation of a class's probability over the samples, averaged over classes."""
    return np.asarray(np.sqrt(np.maximum(_part(moments, 1) - _part(moments, 0) ** 2, 0.0)).mean(axis=1))


def _part(moments: Float[np.ndarray, "n m"], number: int) -> Float[np.ndarray, "n c"]:
    c = (moments.shape[1] - 1) // 3
    return np.asarray(moments[:, number * c : (number + 1) * c], dtype=np.float64)


def _entropy(p: Float[np.ndarray, "n c"]) -> Float[np.ndarray, " n"]:
    return np.asarray(-xlogy(p).sum(axis=1))
