"""Weighted k-means: its objective, its weights, its draws, and the distinct nearest points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import weighted_kmeans as wk

pytestmark = pytest.mark.torchless


def objective(x: np.ndarray, weights: np.ndarray, centres: np.ndarray) -> float:
    return float(sum(w * min(((row - c) ** 2).sum() for c in centres) for row, w in zip(x, weights, strict=True)))


def naive_lloyd(x: np.ndarray, weights: np.ndarray, centres: np.ndarray, iterations: int) -> np.ndarray:
    centres = centres.copy()
    for _ in range(iterations):
        labels = np.array([int(np.argmin(((row - centres) ** 2).sum(axis=1))) for row in x])
        for j in range(len(centres)):
            if weights[labels == j].sum() > 0:
                centres[j] = np.average(x[labels == j], axis=0, weights=weights[labels == j])
    return centres


@given(st.integers(2, 40), st.integers(1, 6), st.integers(0, 10_000))
def test_every_step_lowers_the_weighted_objective(n: int, k: int, seed: int) -> None:
    rng = stream(seed, 0, "oracle")
    x, weights = rng.normal(size=(n, 3)).round(1), rng.uniform(size=n) * (rng.random(n) < 0.8) + 1e-3
    found = wk.weighted_kmeans(x, weights, k, rng)
    assert found.centres.shape == (min(k, n), 3)
    assert (np.diff(found.objective) <= 1e-12 * (1 + found.objective[0])).all()
    assert found.objective[-1] == pytest.approx(objective(x, weights, found.centres), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_equals_the_naive_twin(seed: int) -> None:
    rng = stream(seed, 0, "oracle")
    x, weights = rng.normal(size=(60, 2)), rng.uniform(0.1, 1.0, size=60)
    start = x[wk.seed(x, weights, 4, rng)]
    found = wk.lloyd(x, weights, start, 3)
    np.testing.assert_allclose(found.centres, naive_lloyd(x, weights, start, len(found.objective) - 1), atol=1e-9)


def test_doubling_a_weight_is_duplicating_the_point() -> None:
    rng = stream(1, 0, "oracle")
    x = rng.normal(size=(30, 2))
    weights = np.ones(30)
    weights[:5] = 2.0
    start = x[[7, 12, 20]]
    twice = np.concatenate([x, x[:5]])
    weighted, doubled = wk.lloyd(x, weights, start), wk.lloyd(twice, np.ones(35), start)
    np.testing.assert_allclose(weighted.centres, doubled.centres, atol=1e-12)
    np.testing.assert_allclose(weighted.objective, doubled.objective, rtol=1e-12)


def test_equal_weights_are_plain_k_means() -> None:
    rng = stream(2, 0, "oracle")
    x = rng.normal(size=(50, 3))
    a, b = wk.lloyd(x, np.ones(50), x[:4]), wk.lloyd(x, np.full(50, 7.0), x[:4])
    assert a.labels.tolist() == b.labels.tolist()
    np.testing.assert_allclose(a.centres, naive_lloyd(x, np.ones(50), x[:4], 100), atol=1e-9)


def test_an_empty_cluster_moves_to_the_worst_served_point() -> None:
    x = np.array([[0.0, 0], [0.1, 0], [0.2, 0], [9.0, 0]])
    found = wk.lloyd(x, np.ones(4), np.array([[0.0, 0], [100.0, 100.0]]))
    assert found.labels.tolist() == [0, 0, 0, 1]
    np.testing.assert_allclose(found.centres, [[0.1, 0], [9, 0]], atol=1e-12)


def test_the_start_is_drawn_in_proportion_to_weight_and_squared_distance() -> None:
    chisquare = pytest.importorskip("scipy.stats").chisquare

    # Far from the origin: only coordinates about the mean leave distances their digits.
    x, weights = np.array([[0.0], [1.0], [3.0], [6.0]]) + 1e8, np.array([1.0, 2.0, 3.0, 2.0])
    rng = stream(0, 1, "select")
    draws = [wk.seed(x, weights, 2, rng).tolist() for _ in range(2500)]
    first = np.bincount([pair[0] for pair in draws], minlength=4)
    assert chisquare(first, 2500 * weights / weights.sum()).pvalue > 1e-4
    second = np.bincount([b for a, b in draws if a == 0], minlength=4)[1:]
    wanted = weights[1:] * np.array([1.0, 9.0, 36.0])
    assert chisquare(second, second.sum() * wanted / wanted.sum()).pvalue > 1e-4


def test_points_without_weight_are_not_drawn_while_others_are_left() -> None:
    x, weights = np.arange(6.0)[:, None], np.array([0.0, 0, 0, 1, 1, 1])
    for seed in range(5):
        assert set(wk.seed(x, weights, 4, stream(seed, 1, "select")).tolist()[:3]) == {3, 4, 5}


def test_duplicates_still_give_distinct_rows() -> None:
    x, rng = np.ones((9, 2)), stream(0, 1, "select")
    assert sorted(wk.seed(x, np.ones(9), 9, rng).tolist()) == list(range(9))
    assert sorted(wk.nearest_distinct(x, np.ones((5, 2))).tolist()) == [0, 1, 2, 3, 4]


@given(st.integers(1, 25), st.integers(1, 25), st.integers(0, 10_000))
def test_nearest_distinct_equals_the_naive_twin(n: int, k: int, seed: int) -> None:
    rng = stream(seed, 0, "oracle")
    x, centres = rng.normal(size=(n, 2)), rng.normal(size=(min(k, n), 2))
    left, wanted = list(range(n)), []
    for centre in centres:
        row = min(left, key=lambda i: ((x[i] - centre) ** 2).sum())
        left.remove(row)
        wanted.append(row)
    assert wk.nearest_distinct(x, centres).tolist() == wanted


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = stream(3, 0, "oracle")
    x, weights = rng.normal(size=(200, 4)).astype(np.float32), rng.uniform(size=200)
    whole = wk.weighted_kmeans(x, weights, 7, stream(0, 1, "select"))
    near = wk.nearest_distinct(x, whole.centres)
    monkeypatch.setattr(wk, "ELEMENTS", 13)
    small = wk.weighted_kmeans(x, weights, 7, stream(0, 1, "select"))
    assert small.labels.tolist() == whole.labels.tolist()
    assert wk.nearest_distinct(x, whole.centres).tolist() == near.tolist()
