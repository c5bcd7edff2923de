"""The last-layer gradient embedding g = a ⊗ h, kept factorised: a = p - e_ŷ (n, c), h features (n, d), never (n, c·d).

Reference:
    Ash et al. 2020, arXiv 1906.03671; factorised distance in Zhang et al. 2023, arXiv 2306.09910, appendix D.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def residual(probs: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n c"]:
    """a = p - e_ŷ, with -(mass of the others) in the predicted class so that certainty does not round to 0."""
    rows = np.arange(len(probs))
    best = probs.argmax(axis=1)
    out = probs.astype(np.float32, copy=True)
    out[rows, best] = 0.0
    out[rows, best] = -out.sum(axis=1)
    return out


def squared_norms(a: Float[np.ndarray, "n c"], h: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
    """‖a_i ⊗ h_i‖² = ‖a_i‖² ‖h_i‖²."""
    left = np.einsum("nc,nc->n", a, a, dtype=np.float64)
    return np.asarray(left * np.einsum("nd,nd->n", h, h, dtype=np.float64))


def squared_distances_to(
    a: Float[np.ndarray, "n c"], h: Float[np.ndarray, "n d"], norms: Float[np.ndarray, " n"], row: int
) -> Float[np.ndarray, " n"]:
    """‖g_i - g_row‖² for every i, clipped at 0: ⟨g_i, g_j⟩ = ⟨a_i, a_j⟩⟨h_i, h_j⟩."""
    dot = (a @ a[row]).astype(np.float64) * (h @ h[row]).astype(np.float64)
    return np.asarray(np.maximum(norms + norms[row] - 2.0 * dot, 0.0))
