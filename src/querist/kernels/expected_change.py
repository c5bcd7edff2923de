"""Expected gradient length of the last layer, in closed form: ‖(p - e_c) ⊗ h‖ = ‖p - e_c‖ ‖h‖.

Reference:
    Settles, Craven & Ray 2008 (EGL); the closed form of the last layer makes it cheap for deep networks.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

ROWS = 8192


def expected_gradient_length(
    probs: Float[np.ndarray, "n c"], features: Float[np.ndarray, "n d"], *, squared: bool = False, bias: bool = True
) -> Float[np.ndarray, " n"]:
    """Σ_c p_c ‖∂CE(x, c)/∂(W, b)‖, or of the squared norms.

    Args:
        probs: Class probabilities under the model.
        features: Input of the last layer.
        squared: Expect the squared length: ‖h‖² (1 - ‖p‖²).
        bias: Whether the layer has a bias, which is a feature that is always 1.
    """
    out = np.empty(len(probs))
    for first in range(0, len(probs), ROWS):
        p, h = probs[first : first + ROWS].astype(np.float64), features[first : first + ROWS].astype(np.float64)
        norms = np.einsum("nd,nd->n", h, h) + float(bias)
        lengths = _squared_lengths(p)
        out[first : first + ROWS] = norms * (p * lengths).sum(axis=1) if squared else np.sqrt(norms) * (p * np.sqrt(lengths)).sum(axis=1)
    return out


def _squared_lengths(p: np.ndarray) -> np.ndarray:
    """‖p - e_c‖² (n, c) = Σ_{j≠c} p_j² + (1 - p_c)², where 1 - p_c of the top class is the sum of the others: it keeps its digits."""
    rows, best = np.arange(len(p)), p.argmax(axis=1)
    others = p.copy()
    others[rows, best] = 0.0
    rest = 1.0 - p
    rest[rows, best] = others.sum(axis=1)
    squares = (p**2).sum(axis=1, keepdims=True) - p**2
    squares[rows, best] = (others**2).sum(axis=1)
    return np.asarray(np.maximum(squares, 0.0) + rest**2)
