"""Closed forms of ACS-FW against golden numbers, Monte Carlo over the weights, and explicit feature vectors."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels import closed_forms, sparse

pytestmark = pytest.mark.torchless

MEAN = np.array([0.5, -0.25])
COVARIANCE = np.array([[0.5, 0.1], [0.1, 0.3]])
X = np.array([[1.0, 2.0], [1.0, 1.0]])


def test_golden_linear() -> None:
    np.testing.assert_allclose(closed_forms.linear_inner(X, X, COVARIANCE, 0.5)[0, 1], 16.8, atol=1e-5)
    np.testing.assert_allclose(closed_forms.linear_norms(X, COVARIANCE, 0.5), [6.480741, 2.828427], atol=1e-5)


def test_golden_probit() -> None:
    pytest.importorskip("scipy.special")
    np.testing.assert_allclose(closed_forms.probit_inner(X, X, MEAN, COVARIANCE)[0, 1], 0.280071, atol=1e-5)
    np.testing.assert_allclose(closed_forms.probit_norms(X, MEAN, COVARIANCE) ** 2, [0.592254, 0.162516], atol=1e-5)


def test_totals_and_norms_follow_from_the_inner_products() -> None:
    pytest.importorskip("scipy.special")
    x = stream(0, 0, "oracle").normal(size=(15, 2))
    inner = closed_forms.linear_inner(x, x, COVARIANCE, 0.7)
    np.testing.assert_allclose(closed_forms.linear_total(x, COVARIANCE, 0.7), inner.sum(axis=0), atol=1e-9)
    np.testing.assert_allclose(closed_forms.linear_norms(x, COVARIANCE, 0.7) ** 2, np.diag(inner), atol=1e-9)
    for logistic in (False, True):
        squared = closed_forms.probit_norms(x, MEAN, COVARIANCE, logistic) ** 2
        np.testing.assert_allclose(squared, np.diag(closed_forms.probit_inner(x, x, MEAN, COVARIANCE, logistic)), atol=1e-9)


def test_inner_products_are_expectations_over_the_posterior() -> None:
    ndtr = pytest.importorskip("scipy.special").ndtr
    x = np.array([[1.0, 2.0], [1.0, 1.0], [-0.5, 1.5], [2.0, -1.0]])
    weights = stream(1, 0, "oracle").multivariate_normal(MEAN, COVARIANCE, size=100_000)
    fields = weights @ x.T
    linear = (fields - x @ MEAN) / 0.5
    np.testing.assert_allclose(linear.T @ linear / len(weights) * (x @ x.T), closed_forms.linear_inner(x, x, COVARIANCE, 0.5), rtol=0.03, atol=0.1)
    hits = ndtr(fields)
    hits -= hits.mean(axis=0)
    np.testing.assert_allclose(hits.T @ hits / len(weights) * (x @ x.T), closed_forms.probit_inner(x, x, MEAN, COVARIANCE), rtol=0.03, atol=0.006)


def test_the_bivariate_normal_is_that_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    for h, k, rho in [(0.0, 0.0, 0.3), (0.0, -1.0, 0.5), (-1.2, 0.4, -0.6), (2.0, 1.0, 0.9), (-0.3, -2.0, 0.0), (0.7, 0.0, -0.2)]:
        wanted = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([h, k])
        assert float(closed_forms._bivariate(np.array(h), np.array(k), np.array(rho))) == pytest.approx(wanted, abs=1e-7)


def test_frank_wolfe_on_the_closed_form_equals_explicit_vectors() -> None:
    x = stream(3, 0, "oracle").normal(size=(40, 2)) + 0.3
    root = np.linalg.cholesky(COVARIANCE)
    v = np.einsum("nd,ne->nde", x, x @ root).reshape(40, -1) / 0.5
    explicit = sparse.frank_wolfe(lambda row: v @ v[row], v @ v.sum(axis=0), np.linalg.norm(v, axis=1), 6)
    closed = sparse.frank_wolfe(
        lambda row: closed_forms.linear_inner(x, x[row : row + 1], COVARIANCE, 0.5)[:, 0],
        closed_forms.linear_total(x, COVARIANCE, 0.5),
        closed_forms.linear_norms(x, COVARIANCE, 0.5),
        6,
    )
    assert closed.rows.tolist() == explicit.rows.tolist()
    np.testing.assert_allclose(closed.weights, explicit.weights, rtol=1e-6)
