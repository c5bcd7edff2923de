"""Laplace's approximation of a linear softmax layer: curvature at the trained weights, prior precision by evidence, a root of the covariance.

Weights are counted class by class, a class's features first and its bias last: w[c · (d + 1) + j]. For a linear layer under cross-entropy the
generalised Gauss–Newton matrix is the Hessian itself.

Reference:
    MacKay 1992, "A practical Bayesian framework for backpropagation networks"; Ritter, Botev & Barber 2018, "A scalable Laplace approximation
    for neural networks"; Daxberger et al. 2021, "Laplace redux", arXiv 2106.14806.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

PRECISIONS = np.logspace(-3.0, 5.0, 65)
"""Prior precisions that are tried; the evidence is smooth on this scale."""


class Curvature(NamedTuple):
    """The Hessian of the summed loss, of c classes and d + 1 inputs, in its own axes: (L ⊗ R) diag(values) (L ⊗ R)ᵀ, or Q diag(values) Qᵀ.

    Attributes:
        values: (c, d + 1) ≥ 0, eigenvalues (of `full`, all of them in one row-major order).
        left: (c, c) orthogonal, for `kronecker`; the identity for `diagonal`; (c · (d + 1), c · (d + 1)) for `full`.
        right: (d + 1, d + 1) orthogonal; None where there is none.
    """

    values: Float[np.ndarray, "c e"]
    left: Float[np.ndarray, "a a"] | None
    right: Float[np.ndarray, "e e"] | None


def full(features: Float[np.ndarray, "n d"], probs: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "p p"]:
    """Σ (diag p − p pᵀ) ⊗ φ φᵀ with φ = (features, 1), in float64: the Hessian."""
    phi, p = _extended(features), np.asarray(probs, dtype=np.float64)
    c, e = p.shape[1], phi.shape[1]
    out = np.empty((c, e, c, e))
    for a in range(c):
        for b in range(a + 1):
            weight = p[:, a] * ((a == b) - p[:, b])
            out[a, :, b] = out[b, :, a] = (phi * weight[:, None]).T @ phi
    return np.asarray(out.reshape(c * e, c * e))


def factors(features: Float[np.ndarray, "n d"], probs: Float[np.ndarray, "n c"]) -> tuple[Float[np.ndarray, "c c"], Float[np.ndarray, "e e"]]:
    """(G, A) with G ⊗ A ≈ the Hessian: G = Σ (diag p − p pᵀ) / n, A = Σ φ φᵀ; exact where all p are equal."""
    phi, p = _extended(features), np.asarray(probs, dtype=np.float64)
    return (np.diag(p.sum(axis=0)) - p.T @ p) / max(len(p), 1), phi.T @ phi


def diagonal(features: Float[np.ndarray, "n d"], probs: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "c e"]:
    """The diagonal of the Hessian."""
    phi, p = _extended(features), np.asarray(probs, dtype=np.float64)
    return np.asarray((p * (1.0 - p)).T @ phi**2)


def curvature(features: Float[np.ndarray, "n d"], probs: Float[np.ndarray, "n c"], structure: str) -> Curvature:
    """The Hessian of this structure in its own axes.

    Args:
        features: What the layer reads.
        probs: What the network says of the same items.
        structure: `full`, `kronecker` or `diagonal`.
    """
    shape = (probs.shape[1], features.shape[1] + 1)
    if structure == "full":
        values, axes = np.linalg.eigh(full(features, probs))
        return Curvature(np.maximum(values, 0.0).reshape(shape), axes, None)
    if structure == "kronecker":
        g, a = factors(features, probs)
        (left_values, left), (right_values, right) = np.linalg.eigh(g), np.linalg.eigh(a)
        return Curvature(np.outer(np.maximum(left_values, 0.0), np.maximum(right_values, 0.0)), left, right)
    return Curvature(diagonal(features, probs), None, None)


def evidence(values: Float[np.ndarray, "c e"], squared: float, precision: float) -> float:
    """Logarithm of the marginal likelihood in nats, but for the likelihood at the weights, which does not depend on the precision.

    Args:
        values: Eigenvalues of the Hessian.
        squared: Squared norm of the trained weights.
        precision: Of the prior N(0, 1 / precision).
    """
    return float(-0.5 * (precision * squared + np.log1p(values / precision).sum()))


def best_precision(values: Float[np.ndarray, "c e"], squared: float) -> float:
    """The precision of `PRECISIONS` with the largest evidence; of equal ones the smallest."""
    return float(max(PRECISIONS, key=lambda precision: evidence(values, squared, float(precision))))


def perturbations(found: Curvature, precision: float, noise: Float[np.ndarray, "k c e"]) -> Float[np.ndarray, "k c e"]:
    """Draws (k) from N(0, (H + precision · I)⁻¹), given standard normal noise."""
    scaled = noise / np.sqrt(found.values + precision)
    if found.right is None and found.left is None:
        return np.asarray(scaled)
    if found.right is None:
        assert found.left is not None
        return np.asarray((scaled.reshape(len(noise), -1) @ found.left.T).reshape(noise.shape))
    assert found.left is not None
    return np.asarray(np.einsum("ab,kbj,ij->kai", found.left, scaled, found.right, optimize=True))


def _extended(features: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n e"]:
    return np.concatenate([features, np.ones((len(features), 1))], axis=1, dtype=np.float64)
