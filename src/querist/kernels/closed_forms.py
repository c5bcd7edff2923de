"""Closed-form inner products of expected log-likelihoods (weighted Fisher) for Bayesian linear and probit features.

With them Frank–Wolfe needs no posterior samples. x (n, d) features, posterior N(mean, covariance) over the weights.

Reference:
    Pinsler et al. 2019, arXiv 1908.02144, sections 4 and 5.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from querist.core.optional import require


def linear_inner(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"], covariance: Float[np.ndarray, "d d"], noise: float) -> Float[np.ndarray, "n m"]:
    """⟨L_x, L_y⟩ = (x·y)(x·Σy) / s⁴ for linear regression with noise variance s² (`noise`)."""
    return np.asarray((x @ y.T) * (x @ covariance @ y.T) / noise**2)


def linear_norms(x: Float[np.ndarray, "n d"], covariance: Float[np.ndarray, "d d"], noise: float) -> Float[np.ndarray, " n"]:
    """σ_x = ‖x‖ √(x·Σx) / s²."""
    return np.asarray(np.sqrt(np.einsum("nd,nd->n", x, x) * np.einsum("nd,nd->n", x @ covariance, x)) / noise)


def linear_total(x: Float[np.ndarray, "n d"], covariance: Float[np.ndarray, "d d"], noise: float) -> Float[np.ndarray, " n"]:
    """⟨Σ_m L_m, L_x⟩ for every row in O(n·d²): the sum over the pool goes through XᵀX, never through (n, n)."""
    return np.asarray(np.einsum("nd,nd->n", x @ (x.T @ x) @ covariance, x) / noise**2)


def probit_inner(
    x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"], mean: Float[np.ndarray, " d"], covariance: Float[np.ndarray, "d d"], logistic: bool = False
) -> Float[np.ndarray, "n m"]:
    """⟨L_x, L_y⟩ = (x·y)(BvN(ζ_x, ζ_y; ρ) - Φ(ζ_x)Φ(ζ_y)) for binary probit classification, (n, m): for blocks of a pool.

    Args:
        x: Features of one block.
        y: Features of the other.
        mean: Posterior mean of the weights.
        covariance: Posterior covariance of the weights.
        logistic: Approximate a logistic likelihood: √(π/8)·x inside ζ and ρ.

    Raises:
        MissingExtraError: without scipy (Owen's T function).
    """
    special = require("scipy.special", by="the probit form of ACS-FW")
    left, right = _margins(x, mean, covariance, logistic), _margins(y, mean, covariance, logistic)
    shrink = np.sqrt(np.pi / 8) if logistic else 1.0
    rho = shrink**2 * (x @ covariance @ y.T) / np.sqrt(np.outer(1.0 + left[1], 1.0 + right[1]))
    h, k = np.broadcast_arrays(left[0][:, None], right[0][None, :])
    return np.asarray((x @ y.T) * (_bivariate(h, k, rho) - special.ndtr(h) * special.ndtr(k)))


def probit_norms(
    x: Float[np.ndarray, "n d"], mean: Float[np.ndarray, " d"], covariance: Float[np.ndarray, "d d"], logistic: bool = False
) -> Float[np.ndarray, " n"]:
    """σ_x with σ_x² = ‖x‖² (Φ(ζ)(1 - Φ(ζ)) - 2 T(ζ, 1/√(1 + 2 x·Σx))), T Owen's function."""
    special = require("scipy.special", by="the probit form of ACS-FW")
    zeta, variance = _margins(x, mean, covariance, logistic)
    spread = special.ndtr(zeta) * special.ndtr(-zeta) - 2.0 * special.owens_t(zeta, 1.0 / np.sqrt(1.0 + 2.0 * variance))
    return np.asarray(np.sqrt(np.maximum(np.einsum("nd,nd->n", x, x) * spread, 0.0)))


def _margins(x: np.ndarray, mean: np.ndarray, covariance: np.ndarray, logistic: bool) -> tuple[np.ndarray, np.ndarray]:
    """ζ and x·Σx of each row."""
    inside = np.sqrt(np.pi / 8) * x if logistic else x
    variance = np.einsum("nd,nd->n", inside @ covariance, inside)
    return inside @ mean / np.sqrt(1.0 + variance), variance


def _bivariate(h: np.ndarray, k: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """Bivariate normal distribution function by two values of Owen's T (Owen 1956); |ρ| < 1."""
    special = require("scipy.special", by="the probit form of ACS-FW")
    # Owen's formula divides by h and k; its limit at 0 is that of the smallest positive number.
    h, k = (np.where(np.abs(z) < 1e-300, 1e-300, z) for z in (h, k))
    root = np.sqrt(1.0 - rho**2)
    with np.errstate(over="ignore"):
        first, second = special.owens_t(h, (k / h - rho) / root), special.owens_t(k, (h / k - rho) / root)
    return np.asarray(0.5 * (special.ndtr(h) + special.ndtr(k)) - first - second - np.where(np.sign(h) != np.sign(k), 0.5, 0.0))
