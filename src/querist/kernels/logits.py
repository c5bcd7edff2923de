"""From logits to probabilities without overflow."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def softmax(z: Float[np.ndarray, "*n c"]) -> Float[np.ndarray, "*n c"]:
    """Probabilities of logits, along the last axis."""
    shifted = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def log_softmax(z: Float[np.ndarray, "*n c"]) -> Float[np.ndarray, "*n c"]:
    """Logarithms of those probabilities, in nats; finite where the probability itself is too small for a float."""
    shifted = z - z.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
