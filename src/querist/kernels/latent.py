"""Spread of what a model means rather than of what it says, and how well numbers follow numbers."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def latent_spread(samples: Float[np.ndarray, "n k d"]) -> Float[np.ndarray, " n"]:
    """Trace of the covariance over k samples (ddof 0) of embeddings; 1 - ‖mean‖² for embeddings of length 1. Paraphrases at one point spread by 0.

    Reference:
        Jedoui et al. 2019, arXiv 1912.01119.
    """
    wide = np.asarray(samples, dtype=np.float64)
    off = wide - wide.mean(axis=1, keepdims=True)
    return np.asarray(np.einsum("nkd,nkd->n", off, off) / samples.shape[1])


def concordance(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    """Concordance correlation: 2 cov / (var a + var b + (mean a - mean b)²), in [-1, 1]; 1 for series that are equal, constant ones too.

    Reference:
        Lin 1989, doi:10.2307/2532051.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    apart = float(a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    return float(2.0 * ((a - a.mean()) * (b - b.mean())).mean() / apart) if apart > 0 else 1.0
