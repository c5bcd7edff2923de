"""The Gaussian model on features: against kernel matrices, determinants and Monte Carlo."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import gaussian

pytestmark = pytest.mark.torchless

POINTS = np.array([(0, 0), (1, 0), (0, 3), (5, 0), (5, 1), (6, 6), (2, 2)], dtype=np.float64)


def posterior_kernel(x: np.ndarray, train: np.ndarray, noise: float, scale: float) -> np.ndarray:
    """k - k_Lᵀ (K_L + s²I)⁻¹ k_L in the space of kernels."""
    cross = scale * train @ x.T
    return np.asarray(scale * x @ x.T - cross.T @ np.linalg.solve(scale * train @ train.T + noise * np.eye(len(train)), cross))


def pivoted_cholesky(kernel: np.ndarray, noise: float, k: int) -> list[int]:
    left, factor, picks = np.diag(kernel).copy(), np.zeros((len(kernel), 0)), list[int]()
    for _ in range(k):
        pick = max((i for i in range(len(kernel)) if i not in picks), key=lambda i: (left[i], -i))
        column = (kernel[:, pick] - factor @ factor[pick]) / np.sqrt(left[pick] + noise)
        factor, left = np.column_stack([factor, column]), left - column**2
        picks.append(pick)
    return picks


def greedy_determinant(kernel: np.ndarray, noise: float, k: int) -> list[int]:
    picks: list[int] = []
    for _ in range(k):
        rest = [i for i in range(len(kernel)) if i not in picks]
        values = [np.linalg.slogdet(kernel[np.ix_([*picks, i], [*picks, i])] + noise * np.eye(len(picks) + 1))[1] for i in rest]
        picks.append(rest[int(np.argmax(values))])
    return picks


def test_golden_maxdet() -> None:
    features = np.column_stack([POINTS, np.ones(7)])  # K = XXᵀ + 1
    rows, left = gaussian.maxdet(features, np.eye(3), 0.1, 3)
    assert rows.tolist() == [5, 3, 2] and left[0] == pytest.approx(73.0)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(0, 5))
def test_features_equal_kernel_equal_determinant(seed: int, m: int) -> None:
    rng = stream(seed, 0, "oracle")
    x, train = rng.normal(size=(12, 6)), rng.normal(size=(m, 6))
    kernel = posterior_kernel(x, train, 0.01, 0.7)
    rows, left = gaussian.maxdet(x, gaussian.posterior_map(train, 0.01, 0.7), 0.01, 5)
    assert rows.tolist() == pivoted_cholesky(kernel, 0.01, 5) == greedy_determinant(kernel, 0.01, 5)
    chosen = kernel[np.ix_(rows, rows)] + 0.01 * np.eye(5)
    assert np.log(left + 0.01).sum() == pytest.approx(np.linalg.slogdet(chosen)[1], abs=1e-8)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(0, 7), st.floats(1e-3, 10.0))
def test_posterior_features_equal_the_posterior_kernel(seed: int, m: int, scale: float) -> None:
    rng = stream(seed, 0, "oracle")
    x, train = rng.normal(size=(8, 4)), rng.normal(size=(m, 4))
    mapped = gaussian.mapped(x, gaussian.posterior_map(train, 0.1, scale))
    np.testing.assert_allclose(mapped @ mapped.T, posterior_kernel(x, train, 0.1, scale), atol=1e-8)


def test_variance_falls_with_every_observation() -> None:
    rng = stream(0, 0, "oracle")
    x, train = rng.normal(size=(40, 5)), rng.normal(size=(9, 5))
    before = gaussian.variances(x, gaussian.posterior_map(train[:0], 1e-6))
    np.testing.assert_allclose(before, (x**2).sum(axis=1))
    for m in range(1, 10):
        after = gaussian.variances(x, gaussian.posterior_map(train[:m], 1e-6))
        assert (after >= 0).all() and (after <= before * (1 + 1e-9)).all() and (after < before - 1e-12).any()
        before = after


def test_single_precision_breaks_the_posterior_and_ours_does_not() -> None:
    rng = stream(1, 0, "oracle")
    x = rng.normal(size=(50, 8)).astype(np.float32)
    train, new = x[:20] * 10, x[20:] * 10
    wanted = posterior_kernel(new.astype(np.float64), train.astype(np.float64), 1e-6, 1.0)
    cross, gram = train @ new.T, train @ train.T + np.float32(1e-6) * np.eye(20, dtype=np.float32)
    single = (new * new).sum(axis=1) - (cross * np.linalg.solve(gram, cross)).sum(axis=0)
    exact = np.linalg.inv(train.T.astype(np.float64) @ train.astype(np.float64) + 1e-6 * np.eye(8)) * 1e-6
    truth = np.einsum("nd,de,ne->n", new.astype(np.float64), exact, new.astype(np.float64))
    assert np.abs(single - truth).max() > 100 * truth.max(), "the usual computation in float32"
    np.testing.assert_allclose(gaussian.variances(new, gaussian.posterior_map(train, 1e-6)), truth, rtol=1e-6)
    assert wanted.shape == (30, 30)


def test_more_picks_than_dimensions_and_duplicates() -> None:
    x = np.repeat(stream(2, 0, "oracle").normal(size=(4, 3)), 4, axis=0)
    rows, left = gaussian.maxdet(x, np.eye(3), 1e-6, 16)
    assert sorted(rows.tolist()) == list(range(16)) and (left >= 0).all()
    assert len({row // 4 for row in rows[:3].tolist()}) == 3
    assert gaussian.maxdet(np.zeros((5, 3)), np.eye(3), 1e-6, 5)[0].tolist() == [0, 1, 2, 3, 4]


def test_the_sketch_keeps_inner_products() -> None:
    rng = stream(3, 0, "oracle")
    a, h = rng.normal(size=(12, 5)), rng.normal(size=(12, 7))
    wanted = (a @ a.T) * (h @ h.T)
    sketches = [gaussian.product_sketch(a, h, 512, stream(seed, 0, "select")).astype(np.float64) for seed in range(60)]
    grams = np.stack([s @ s.T for s in sketches])
    norms = np.sqrt(np.outer(np.diag(wanted), np.diag(wanted)))
    assert (np.abs(grams.mean(axis=0) - wanted) < 5 * grams.std(axis=0) / np.sqrt(60) + 1e-6).all()
    assert np.median(np.abs(grams[0] - wanted) / norms) < 0.1
    assert (gaussian.product_sketch(a, h, 16, stream(1, 0, "select")) == gaussian.product_sketch(a, h, 16, stream(1, 0, "select"))).all()


def test_blocks_do_not_change_results(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = stream(4, 0, "oracle")
    x, r = rng.normal(size=(50, 4)).astype(np.float32), gaussian.posterior_map(rng.normal(size=(6, 4)), 0.1)
    whole, square = gaussian.maxdet(x, r, 0.1, 12), gaussian.mean_square(x)
    assert square == pytest.approx(float((x.astype(np.float64) ** 2).sum(axis=1).mean()))
    monkeypatch.setattr(gaussian, "ROWS", 7)
    again = gaussian.maxdet(x, r, 0.1, 12)
    assert again[0].tolist() == whole[0].tolist()
    np.testing.assert_allclose(again[1], whole[1], rtol=1e-9)
    assert gaussian.mean_square(x[:0]) == gaussian.mean_square(np.zeros((3, 2))) == 1.0
