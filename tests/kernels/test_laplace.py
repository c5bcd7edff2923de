"""Laplace's approximation: curvature against autograd, its structures, evidence in closed form, the covariance of draws."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels import laplace

pytestmark = pytest.mark.torchless


def softmax(z: np.ndarray) -> np.ndarray:
    shifted = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def problem(n: int = 12, d: int = 3, c: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, weights with the bias last, probabilities."""
    rng = stream(seed, 0, "oracle")
    x, w = rng.normal(size=(n, d)), rng.normal(size=(c, d + 1))
    return x, w, softmax(x @ w[:, :-1].T + w[:, -1])


def test_full_is_the_hessian_of_autograd() -> None:
    torch = pytest.importorskip("torch")
    x, w, p = problem()
    y = torch.from_numpy(np.arange(12) % 4)
    phi = torch.from_numpy(np.concatenate([x, np.ones((12, 1))], axis=1))

    def loss(weights: object) -> object:
        return torch.nn.functional.cross_entropy(phi @ weights.T, y, reduction="sum")  # type: ignore[attr-defined]

    hessian = torch.autograd.functional.hessian(loss, torch.from_numpy(w)).reshape(16, 16).numpy()
    np.testing.assert_allclose(laplace.full(x, laplace.softmax_bends(p)), hessian, atol=1e-10)
    np.testing.assert_allclose(laplace.diagonal(x, laplace.softmax_bends(p)).ravel(), np.diag(hessian), atol=1e-10)


def test_kronecker_is_exact_where_probabilities_are_equal() -> None:
    x, _, p = problem()
    equal = laplace.softmax_bends(np.repeat(p[:1], 12, axis=0))
    g, a = laplace.factors(x, equal)
    np.testing.assert_allclose(np.kron(g / 12, a), laplace.full(x, equal), atol=1e-10)
    g, a = laplace.factors(x, laplace.softmax_bends(p))
    assert np.trace(np.kron(g / 12, a)) == pytest.approx(np.trace(laplace.full(x, laplace.softmax_bends(p))), rel=0.5), "of the right size where they differ"


@pytest.mark.parametrize("structure", ["full", "kronecker", "diagonal"])
def test_draws_have_the_inverse_curvature_as_covariance(structure: str) -> None:
    x, _, p = problem(d=2, c=3)
    bends = laplace.softmax_bends(p)
    halves = [laplace.summed(x[rows], bends[rows], structure) for rows in (slice(0, 5), slice(5, 12))]
    found, precision = laplace.curvature([one + other for one, other in zip(*halves, strict=True)], 12, 3, structure), 0.7
    g, a = laplace.factors(x, bends)
    hessian = {
        "full": laplace.full(x, laplace.softmax_bends(p)),
        "kronecker": np.kron(g / 12, a),
        "diagonal": np.diag(laplace.diagonal(x, laplace.softmax_bends(p)).ravel()),
    }[structure]
    unit = np.eye(9).reshape(9, 3, 3)
    root = laplace.perturbations(found, precision, unit).reshape(9, 9).T
    np.testing.assert_allclose(root @ root.T, np.linalg.inv(hessian + precision * np.eye(9)), atol=1e-10)
    draws = laplace.perturbations(found, precision, stream(0, 0, "oracle").standard_normal((50_000, 3, 3))).reshape(-1, 9)
    np.testing.assert_allclose(np.cov(draws.T), np.linalg.inv(hessian + precision * np.eye(9)), atol=0.05)


def test_evidence_is_the_gaussian_integral() -> None:
    """One weight, a quadratic loss: log ∫ N(w | 0, 1/τ) exp(-h (w - m)² / 2) dw with the mean at m, Laplace is exact where the prior's mode is."""
    h, precision = 3.0, 0.5
    grid = np.linspace(-30.0, 30.0, 400_001)
    integrand = np.sqrt(precision / (2 * np.pi)) * np.exp(-precision * grid**2 / 2 - h * grid**2 / 2)
    assert laplace.evidence(np.array([[h]]), 0.0, precision) == pytest.approx(np.log(np.trapezoid(integrand, grid)), abs=1e-8)
    shifted = np.sqrt(precision / (2 * np.pi)) * np.exp(-precision * (2.0**2) / 2) * np.sqrt(2 * np.pi / (h + precision))
    assert laplace.evidence(np.array([[h]]), 4.0, precision) == pytest.approx(np.log(shifted), abs=1e-8)


def test_the_best_precision_is_where_evidence_is_flat() -> None:
    """MacKay's fixed point: precision · ‖w‖² = Σ λ / (λ + precision)."""
    values = np.geomspace(0.1, 50.0, 12).reshape(3, 4)
    precision = laplace.best_precision(values, 6.0)
    step = laplace.PRECISIONS[1] / laplace.PRECISIONS[0]
    exact = next(t for t in np.geomspace(1e-2, 1e3, 20_001) if t * 6.0 >= (values / (values + t)).sum())
    assert exact / step <= precision <= exact * step
    assert laplace.best_precision(values, 600.0) < precision < laplace.best_precision(values, 0.06), "small weights, a tight prior"


def test_nothing_labelled_leaves_the_prior() -> None:
    found = laplace.curvature(laplace.summed(np.zeros((0, 2)), np.zeros((0, 3, 3)), "full"), 0, 3, "full")
    assert found.values.shape == (3, 3) and not found.values.any()
