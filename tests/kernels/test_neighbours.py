"""Neighbours, typicality, radii and the even sample against naive twins and golden numbers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import neighbours

pytestmark = pytest.mark.torchless

POINTS = np.array([(0, 0), (1, 0), (0, 3), (5, 0), (5, 1), (6, 6), (2, 2)], dtype=np.float64)


def table(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distances by differences."""
    return np.sqrt(((x[:, None] - y) ** 2).sum(axis=2))


def test_typicality_golden() -> None:
    wanted = [0.522405, 0.618030, 0.381965, 0.434257, 0.480504, 0.185945, 0.447212]
    np.testing.assert_allclose(neighbours.typicality(POINTS, 2), wanted, atol=1e-5)


def test_typicality_with_more_neighbours_than_rows_averages_over_all_others() -> None:
    np.testing.assert_allclose(neighbours.typicality(POINTS, 99), 1 / (table(POINTS, POINTS).sum(axis=1) / 6 + 1e-5))


def test_typicality_averages_distances_and_squares_only_on_request() -> None:
    # A row with neighbours at 1 and 6 is less typical than one with 4 and 4 by squares, more typical by distances.
    line = np.array([[0.0], [1.0], [-6.0], [100.0], [104.0], [96.0]])
    plain, squares = neighbours.typicality(line, 2), neighbours.typicality(line, 2, squares=True)
    assert plain[0] > plain[3] and squares[0] < squares[3]
    np.testing.assert_allclose(plain[[0, 3]], [1 / (3.5 + 1e-5), 1 / (4 + 1e-5)])
    np.testing.assert_allclose(squares[[0, 3]], [1 / (18.5 + 1e-5), 1 / (16 + 1e-5)])


def test_typicality_of_one_row_and_of_twins() -> None:
    np.testing.assert_allclose(neighbours.typicality(POINTS[:1], 20), [1e5])
    np.testing.assert_allclose(neighbours.typicality(np.zeros((4, 3)), 2), 1e5)


@given(st.integers(1, 25), st.integers(0, 30), st.integers(0, 10_000))
def test_k_nearest_equals_the_naive_twin(n: int, k: int, seed: int) -> None:
    # Whole numbers: many ties, all exact.
    x = stream(seed, 0, "oracle").integers(-2, 3, size=(n, 2)).astype(np.float64)
    distances, rows = neighbours.k_nearest(x, k)
    gaps = ((x[:, None] - x) ** 2).sum(axis=2)
    wanted = [sorted((j for j in range(n) if j != i), key=lambda j: (gaps[i, j], j))[:k] for i in range(n)]
    np.testing.assert_allclose(distances, np.sqrt([[gaps[i, j] for j in near] for i, near in enumerate(wanted)]).reshape(n, -1), atol=1e-7)
    assert all(set(gaps[i, rows[i]]) == set(gaps[i, near]) for i, near in enumerate(wanted))


def test_k_nearest_and_typicality_do_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    x = stream(0, 0, "oracle").normal(size=(103, 6)).astype(np.float32) + 50
    distances, rows = neighbours.k_nearest(x, 7)
    gaps = table(x.astype(np.float64), x.astype(np.float64))
    np.fill_diagonal(gaps, np.inf)
    assert rows.tolist() == np.argsort(gaps, axis=1, kind="stable")[:, :7].tolist()
    np.testing.assert_allclose(distances, np.sort(gaps, axis=1)[:, :7])
    typical = neighbours.typicality(x, 7)
    np.testing.assert_allclose(typical, 1 / (np.sort(gaps, axis=1)[:, :7].mean(axis=1) + 1e-5))
    monkeypatch.setattr(neighbours, "PAIRS", 700)  # blocks of 6 rows, the last one of a single row
    assert neighbours.k_nearest(x, 7)[1].tolist() == rows.tolist()
    np.testing.assert_allclose(neighbours.typicality(x, 7), typical)


def test_within_is_strict_where_rounding_would_decide() -> None:
    rng = stream(1, 0, "oracle")
    x = rng.normal(size=(60, 5))
    pairs = (x[:, None] - x).reshape(-1, 5)
    gaps = np.sqrt(np.einsum("pd,pd->p", pairs, pairs)).reshape(60, 60)
    for radius in gaps[rng.integers(60, size=40), rng.integers(60, size=40)]:
        assert (neighbours.within(x, x, float(radius)) == (gaps < radius)).all()
    grid = np.array([(i, j) for i in range(6) for j in range(6)], dtype=np.float64)
    assert (neighbours.within(grid + 0.1, grid + 0.1, 2.0) == (table(grid + 0.1, grid + 0.1) < 2.0)).all()
    assert (neighbours.within(grid, grid, 2.0) == (table(grid, grid) < 2.0)).all() and neighbours.within(grid, grid, 2.0)[0].sum() == 4


def test_within_takes_a_radius_for_each_centre_and_none_at_all() -> None:
    inside = neighbours.within(POINTS, POINTS[:3], np.array([2.3, np.inf, 0.0]))
    assert inside[:, 1].all() and not inside[:, 2].any() and np.flatnonzero(inside[:, 0]).tolist() == [0, 1]


def naive_purity_radius(x: np.ndarray, labels: np.ndarray, purity: float) -> float:
    gaps = table(x, x)
    candidates = sorted({*gaps[labels[:, None] != labels].tolist()})
    pure = [radius for radius in candidates if np.mean([(labels[gaps[i] < radius] == labels[i]).all() for i in range(len(x))]) >= purity]
    return max(pure)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 0.8, 0.95, 1.0]))
def test_purity_radius_is_the_largest_that_is_pure_enough(seed: int, purity: float) -> None:
    rng = stream(seed, 0, "oracle")
    labels = np.arange(15) % 3
    x = rng.normal(size=(15, 2)) + 2 * np.eye(3, 2)[labels]
    assert neighbours.purity_radius(x, labels, purity, np.arange(15)) == pytest.approx(naive_purity_radius(x, labels, purity), abs=1e-9)


def test_the_purity_radius_does_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    x, labels = stream(3, 0, "oracle").normal(size=(40, 2)), np.arange(40) % 3
    whole = neighbours.purity_radius(x, labels, 0.8, np.arange(40))
    monkeypatch.setattr(neighbours, "PAIRS", 40 * 7)
    assert neighbours.purity_radius(x, labels, 0.8, np.arange(40)) == whole


def test_purity_radius_without_another_label_is_infinite() -> None:
    assert neighbours.purity_radius(POINTS, np.zeros(7, dtype=np.int64), 0.95, np.arange(7)) == np.inf


def test_smallest_gap_skips_twins() -> None:
    x = np.concatenate([POINTS, POINTS]) + 1e7  # about the mean: squares of 1e7 would swallow the gap
    assert neighbours.smallest_gap(x) == pytest.approx(1.0)
    assert neighbours.smallest_gap(np.ones((5, 3))) == np.inf
    assert neighbours.smallest_gap(np.ones((0, 3))) == np.inf


def test_unit_rows_keep_type_and_zeros() -> None:
    x = np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32)
    out = neighbours.unit(x)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, [[0.6, 0.8], [0, 0]])


@pytest.mark.parametrize("period", [2, 3, 7, 10, 100])
def test_spread_rows_meet_every_class_of_a_periodic_pool(period: int) -> None:
    rows = neighbours.spread(20_000, 2_000)
    assert len(set(rows.tolist())) == 2_000 and (np.diff(rows) > 0).all() and rows.max() < 20_000
    counts = Counter((rows % period).tolist())
    assert len(counts) == period and max(counts.values()) < 2 * 2_000 / period


def test_spread_takes_all_rows_of_a_small_pool() -> None:
    assert neighbours.spread(5, 9).tolist() == [0, 1, 2, 3, 4]
