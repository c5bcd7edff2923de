"""How unsure probabilities are, as WAAL reads them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

LEAST = 1e-12
"""Smallest probability that a logarithm is taken of."""


def sureness(probs: Float[np.ndarray, "n k c"]) -> Float[np.ndarray, " n"]:
    """½·‖log p‖₂ + ½·‖log p‖₁ of the mean over samples: smallest where all classes are equally likely, ½·(√c + c)·log c there.

    Reference:
        Shui, Zhou, Gagné & Wang 2020, arXiv 1911.09162. Both norms bound the loss of the least likely classes.
    """
    logs = -np.log(np.maximum(probs.mean(axis=1, dtype=np.float64), LEAST))
    return np.asarray(0.5 * np.sqrt(np.square(logs).sum(axis=1)) + 0.5 * np.abs(logs).sum(axis=1))
