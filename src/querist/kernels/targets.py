"""Expected predictive information gain: what a label would tell about the predictions at target inputs (arXiv 2304.08151)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from querist.kernels.information import entropy, predictive, xlogy

BLOCK = 1 << 17
"""Elements of item × class × target × class handled at a time."""


def epig(probs: Float[np.ndarray, "n k c"], targets: Float[np.ndarray, "t k c"], weights: Float[np.ndarray, " t"] | None = None) -> Float[np.ndarray, " n"]:
    """Mean over targets of I(y; y*) in nats, in [0, BALD]; the k samples must be the same functions for items and targets.

    Args:
        probs: Candidates.
        targets: Inputs at which predictions matter.
        weights: Of the targets, ≥ 0; equal by default.

    Returns:
        H(y) + mean H(y*) - mean H(y, y*), in float64.
    """
    n, k, c = probs.shape
    if k == 1:
        return np.zeros(n)
    share = np.full(len(targets), 1.0 / len(targets)) if weights is None else weights / weights.sum()
    spread = np.repeat(share, c)
    table = targets.astype(np.float64).transpose(1, 0, 2).reshape(k, -1) / k
    wide = c * max(1, BLOCK // (c * c))
    step = max(1, BLOCK // (c * min(wide, table.shape[1])))
    out = entropy(probs) + float(share @ entropy(targets))
    for start in range(0, n, step):
        items = probs[start : start + step].astype(np.float64).transpose(0, 2, 1).reshape(-1, k)
        for low in range(0, table.shape[1], wide):
            joint = xlogy(items @ table[:, low : low + wide])
            out[start : start + step] += (joint @ spread[low : low + wide]).reshape(-1, c).sum(axis=1)
    return np.maximum(out, 0.0)


def balanced(targets: Float[np.ndarray, "t k c"]) -> Float[np.ndarray, " t"]:
    """Weights under which every class has the same share of the targets' predicted mass, as far as one weight per target can."""
    mean = predictive(targets)
    return np.asarray((mean / np.maximum(mean.mean(axis=0), 1e-12)).mean(axis=1))
