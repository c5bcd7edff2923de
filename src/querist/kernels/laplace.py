"""Laplace's approximation of a linear last layer: curvature at the trained weights, prior precision by evidence, a root of the covariance.

Weights are counted class by class, a class's features first and its bias last: w[c · (d + 1) + j]. For a linear layer the
generalised Gauss–Newton matrix is the Hessian itself.

Reference:
    MacKay 1992, "A practical Bayesian framework for backpropagation networks"; Ritter, Botev & Barber 2018, "A scalable Laplace approximation
    for neural networks"; Daxberger et al. 2021, "Laplace redux", arXiv 2106.14806.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def softmax_bends(probs: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n c c"]:
    """Second derivatives of the cross-entropy of each item by its logits: diag p − p pᵀ."""
    p = np.asarray(probs, dtype=np.float64)
    return np.asarray(p[:, :, None] * (np.eye(p.shape[1]) - p[:, None, :]))


def full(features: Float[np.ndarray, "n d"], bends: Float[np.ndarray, "n c c"]) -> Float[np.ndarray, "p p"]:
    """Σ B ⊗ φ φᵀ with φ = (features, 1), in float64: the Hessian of the summed loss, B its second derivatives by an item's outputs."""
    phi = _extended(features)
    c, e = bends.shape[1], phi.shape[1]
    out = np.empty((c, e, c, e))
    for a in range(c):
        for b in range(a + 1):
            out[a, :, b] = out[b, :, a] = (phi * bends[:, a, b, None]).T @ phi
    return np.asarray(out.reshape(c * e, c * e))


def factors(features: Float[np.ndarray, "n d"], bends: Float[np.ndarray, "n c c"]) -> tuple[Float[np.ndarray, "c c"], Float[np.ndarray, "e e"]]:
    """(Σ B, Σ φ φᵀ): their Kronecker product over n is close to the Hessian, and equal to it where all B are equal."""
    phi = _extended(features)
    return np.asarray(bends.sum(axis=0)), np.asarray(phi.T @ phi)


def diagonal(features: Float[np.ndarray, "n d"], bends: Float[np.ndarray, "n c c"]) -> Float[np.ndarray, "c e"]:
    """The diagonal of the Hessian."""
    return np.asarray(np.einsum("ncc->cn", bends) @ _extended(features) ** 2)


def summed(features: Float[np.ndarray, "n d"], bends: Float[np.ndarray, "n c c"], structure: str) -> list[np.ndarray]:
    """What a structure keeps of some items; that of all items is the sum over parts of them.

    Args:
        features: What the layer reads.
        bends: Second derivatives of the loss by the outputs.
        structure: `full`, `kronecker` or `diagonal`.
    """
    if structure == "full":
        return [full(features, bends)]
    return list(factors(features, bends)) if structure == "kronecker" else [diagonal(features, bends)]


def curvature(parts: Sequence[np.ndarray], items: int, outputs: int, structure: str) -> Curvature:
    """The Hessian of this structure in its own axes.

    Args:
        parts: From `summed`.
        items: n.
        outputs: c.
        structure: As in `summed`.
    """
    if structure == "full":
        values, axes = np.linalg.eigh(parts[0])
        return Curvature(np.maximum(values, 0.0).reshape(outputs, -1), axes, None)
    if structure == "kronecker":
        (left_values, left), (right_values, right) = np.linalg.eigh(parts[0] / max(items, 1)), np.linalg.eigh(parts[1])
        return Curvature(np.outer(np.maximum(left_values, 0.0), np.maximum(right_values, 0.0)), left, right)
    return Curvature(np.maximum(parts[0], 0.0), None, None)


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
