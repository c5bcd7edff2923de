"""Uncertainty scores of class probabilities, in forms that do not tie on over-confident networks.

`1 - max p` in float32 is exactly 0 for every item once the logit gap exceeds 17, and "the most uncertain" becomes the
first rows of the pool. Here the mass of the *other* classes is summed directly, which keeps its digits down to 1e-38.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float

BLOCK = 1 << 20
"""Elements handled at a time: a few MB of temporaries, whatever n is."""


def predictive(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, "n c"]:
    """Mean over posterior samples, float64."""
    return np.asarray(probs.mean(axis=1, dtype=np.float64))


def least_confidence(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, " n"]:
    """1 - p(1), the mass outside the predicted class, in [0, 1 - 1/c]."""
    return _rowwise(lambda p: _split(predictive(p))[1].sum(axis=1), probs)


def margin(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, " n"]:
    """1 - (p(1) - p(2)), in [0, 1]: the order of -(p(1) - p(2)) without its ties near certainty."""

    def block(p: np.ndarray) -> np.ndarray:
        _, others = _split(predictive(p))
        return np.asarray(others.sum(axis=1) + others.max(axis=1, initial=0.0))

    return _rowwise(block, probs)


def ratio(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, " n"]:
    """p(2) / p(1), in [0, 1]."""

    def block(p: np.ndarray) -> np.ndarray:
        top, others = _split(predictive(p))
        return np.asarray(others.max(axis=1, initial=0.0) / top)

    return _rowwise(block, probs)


def entropy(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, " n"]:
    """Predictive entropy in nats, in [0, log c]; the top class enters as log1p(-(mass of the others))."""

    def block(p: np.ndarray) -> np.ndarray:
        top, others = _split(predictive(p))
        # Rows that were normalised in float32 may miss 1 by an ulp: the clip keeps log1p's argument above -1.
        mass = np.minimum(others.sum(axis=1), 1.0 - 1e-16)
        return np.asarray(-top * np.log1p(-mass) - xlogy(others).sum(axis=1))

    return _rowwise(block, probs)


def bald(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, " n"]:
    """Mutual information of label and weights in nats (Houlsby et al. 2011, arXiv 1112.5745), in [0, min(log k, log c)].

    Mean over k of KL(p_k ‖ p̄): no difference of two entropies, so members that agree give 0 and not rounding noise.
    """

    def block(p: np.ndarray) -> np.ndarray:
        samples = p.astype(np.float64)
        mean = samples.mean(axis=1, keepdims=True)
        quotient = np.divide(samples, mean, out=np.ones_like(samples), where=samples > 0)
        return np.asarray(np.maximum((samples * np.log(quotient)).sum(axis=2).mean(axis=1), 0.0))

    return _rowwise(block, probs)


def xlogy(p: np.ndarray) -> np.ndarray:
    """p log p elementwise, 0 at p = 0."""
    return np.asarray(p * np.log(np.where(p > 0, p, 1.0)))


def _split(mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The top probability (n,) and the row with its (first) top entry set to 0."""
    rows = np.arange(len(mean))
    best = mean.argmax(axis=1)
    others = mean.copy()
    others[rows, best] = 0.0
    return mean[rows, best], others


def _blocks(probs: np.ndarray) -> Iterator[slice]:
    step = max(1, BLOCK // max(1, int(np.prod(probs.shape[1:]))))
    for start in range(0, len(probs), step):
        yield slice(start, start + step)


def _rowwise(block: Callable[[np.ndarray], np.ndarray], probs: np.ndarray) -> np.ndarray:
    out = np.empty(len(probs), dtype=np.float64)
    for rows in _blocks(probs):
        out[rows] = block(probs[rows])
    return out
