"""GLISTER: the picks whose gradient step lowers the loss on validation items most, greedily, with factorised last-layer gradients.

Reference:
    Killamsetty et al. 2021 (GLISTER-ACTIVE), arXiv 2012.10630.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.budget import current
from querist.kernels.logits import softmax


def taylor_greedy(
    a: Float[np.ndarray, "n c"],
    h: Float[np.ndarray, "n d"],
    logits: Float[np.ndarray, "v c"],
    targets: Int[np.ndarray, " v"],
    validation: Float[np.ndarray, "v d"],
    k: int,
    rate: float,
) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Pick min(k, n) distinct rows, O(n·c·d) each.

    The gradient of an item is g = a ⊗ h. A step of `rate` along -g changes the validation loss by -rate · ⟨g, G⟩ to first
    order, where G = Σ_v (p_v - e_v) ⊗ h_v is the loss's own gradient; so the gain is ⟨g, G⟩ = aᵀ G h. After each pick the
    validation logits move as that step moves them, and G is taken anew.

    Args:
        a: Residuals p - e_ŷ of the candidates, ŷ the hypothesised label.
        h: Features with their 1 for the bias.
        logits: Of the validation items.
        targets: Their class positions.
        validation: Their features with their 1.
        k: Number of picks.
        rate: Size of the step.

    Returns:
        Rows in order and the gain of each when picked; ties to the lower row.
    """
    residual, features, z = a.astype(np.float64), h.astype(np.float64), logits.astype(np.float64)
    held, truth = validation.astype(np.float64), np.eye(logits.shape[1])[targets]
    free = np.ones(len(a), dtype=bool)
    picks, gains = np.empty(min(k, len(a)), dtype=np.int64), np.empty(min(k, len(a)))
    for step in range(len(picks)):
        slope = (softmax(z) - truth).T @ held
        gain = np.einsum("nc,nc->n", residual, features @ slope.T)
        pick = int(np.argmax(np.where(free, gain, -np.inf)))
        picks[step], gains[step] = pick, gain[pick]
        free[pick] = False
        z -= rate * (held @ features[pick])[:, None] * residual[pick]
        current().picked(step + 1, len(picks))
    return picks, gains
