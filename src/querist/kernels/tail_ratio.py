"""Typical of the pool, but not of what is labelled: a ratio of tail probabilities in a small latent space.

Reference:
    Ozdemir et al. 2019, arXiv 1912.10493 (Bayesian sample queries).
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

LEAST = 1e-10
"""Smallest tail probability, so that the logarithm is finite."""

NARROWEST = 1e-6
"""Smallest standard deviation of a latent: one labelled item has none."""


def tail(z: Float[np.ndarray, "n d"], mu: Float[np.ndarray, " d"], sigma: Float[np.ndarray, " d"]) -> Float[np.ndarray, "n d"]:
    """Two-sided tail probability 2·Φ(-|z - μ| / σ) of each latent, at least `LEAST`."""
    away = np.abs(np.asarray(z, dtype=np.float64) - mu) / np.maximum(sigma, NARROWEST)
    values = np.array([math.erfc(one / math.sqrt(2.0)) for one in away.ravel().tolist()]).reshape(away.shape)
    return np.maximum(values, LEAST)


def log_rho(
    z: Float[np.ndarray, "n d"],
    labelled: tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"]],
    pool: tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"]],
) -> Float[np.ndarray, " n"]:
    """Σ over latents of log tail under the labelled items minus log tail under the pool; the lowest is asked for first.

    Args:
        z: Codes of the candidates.
        labelled: Mean and standard deviation of each latent over the labelled items.
        pool: The same over the pool.
    """
    return np.asarray((np.log(tail(z, *labelled)) - np.log(tail(z, *pool))).sum(axis=1))


def moments(z: Float[np.ndarray, "n d"]) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"]]:
    """Mean and standard deviation (ddof 0) of each latent, float64."""
    wide = np.asarray(z, dtype=np.float64)
    return np.asarray(wide.mean(axis=0)), np.asarray(wide.std(axis=0))
