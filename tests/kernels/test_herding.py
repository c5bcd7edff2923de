"""Greedy kernel coverage: golden numbers, the plain greedy, the guarantee, diminishing returns, blocks and caches."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import herding, neighbours

pytestmark = pytest.mark.torchless

POINTS = np.array([(0, 0), (1, 0), (0, 3), (5, 0), (5, 1), (6, 6), (2, 2)], dtype=np.float64)
KERNELS = [herding.Gaussian(1.3), herding.Cosine(), herding.Inverse()]


def table(x: np.ndarray, y: np.ndarray, similarity: herding.Similarity) -> np.ndarray:
    return similarity(((x[:, None].astype(np.float64) - y) ** 2).sum(axis=2))


def naive(x: np.ndarray, covered: np.ndarray, similarity: herding.Similarity, k: int, w: np.ndarray) -> tuple[list[int], list[float]]:
    alike = table(x, x, similarity)
    best = table(x, covered, similarity).max(axis=1, initial=0.0)
    picks, gains = [], []
    for _ in range(min(k, len(x))):
        gain = np.array([-1.0 if j in picks else float((w * np.maximum(alike[:, j] - best, 0)).sum()) for j in range(len(x))])
        if gain.max() <= 1e-12 * w.sum():
            break
        picks.append(int(np.flatnonzero(gain >= gain.max() * (1 - 1e-9))[0]))
        gains.append(float(gain[picks[-1]]))
        best = np.maximum(best, alike[:, picks[-1]])
    return picks, gains


def unit(n: int, d: int, seed: int) -> np.ndarray:
    return neighbours.unit(stream(seed, 0, "oracle").normal(size=(n, d)).astype(np.float32))


def test_facility_location_golden() -> None:
    picks, gains = herding.facility_location(POINTS, POINTS[:0], herding.Inverse(), 3)
    assert picks.tolist() == [1, 4, 5]
    np.testing.assert_allclose(gains, [2.557968, 1.155263, 0.836039], atol=1e-5)


@given(st.integers(1, 40), st.integers(0, 5), st.integers(0, 15), st.sampled_from(KERNELS), st.booleans(), st.integers(0, 10_000))
def test_lazy_equals_the_plain_greedy(n: int, m: int, k: int, similarity: herding.Similarity, cached: bool, seed: int) -> None:
    x, covered = unit(n, 3, seed), unit(m, 3, seed + 1)
    w = stream(seed, 1, "oracle").random(n)
    picks, gains = herding.facility_location(x, covered, similarity, k, w, cache=herding.CACHE if cached else 0)
    wanted, worth = naive(x, covered, similarity, k, w)
    assert picks.tolist() == wanted
    np.testing.assert_allclose(gains, worth, rtol=1e-6, atol=1e-9)


def test_lazy_equals_the_plain_greedy_on_many_points_with_twins() -> None:
    x = np.repeat(unit(250, 8, 3), 2, axis=0)
    picks, gains = herding.facility_location(x, x[:6], herding.Gaussian(0.7), 40)
    assert picks.tolist() == naive(x, x[:6], herding.Gaussian(0.7), 40, np.ones(500))[0]
    assert (np.diff(gains) <= 1e-9).all() and (picks % 2 == 0).all()


def test_picks_do_not_depend_on_blocks_or_on_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    x = unit(157, 8, 5)
    wanted = herding.facility_location(x, x[:3], herding.Cosine(), 40)[0].tolist()
    assert herding.facility_location(x, x[:3], herding.Cosine(), 40, cache=0)[0].tolist() == wanted
    for pairs in (1, 157 * 7, 157 * 64):
        monkeypatch.setattr(neighbours, "PAIRS", pairs)
        assert herding.facility_location(x, x[:3], herding.Cosine(), 40)[0].tolist() == wanted


@pytest.mark.parametrize("similarity", KERNELS)
def test_greedy_reaches_its_share_of_the_best(similarity: herding.Similarity) -> None:
    for seed in range(10):
        x = unit(8, 3, seed)
        alike = table(x, x, similarity)
        worth = {rows: float(alike[list(rows)].max(axis=0).sum()) for rows in itertools.combinations(range(8), 3)}
        _, gains = herding.facility_location(x, x[:0], similarity, 3)
        singles = alike.sum(axis=1).max()
        assert gains[0] == pytest.approx(singles) and gains.sum() >= (1 - 1 / np.e) * max(worth.values())


def test_all_rows_together_are_worth_the_whole() -> None:
    x = unit(20, 3, 0)
    picks, gains = herding.facility_location(x, x[:0], herding.Gaussian(), 20)
    assert sorted(picks.tolist()) == list(range(20)) and gains.sum() == pytest.approx(20.0)


def test_gains_diminish_on_nested_sets() -> None:
    x = unit(25, 3, 1)
    alike = table(x, x, herding.Gaussian())
    rng = stream(1, 0, "oracle")
    for _ in range(50):
        order = rng.permutation(25)
        small, large, new = order[:4], order[:9], order[9]
        gains = [np.maximum(alike[new] - alike[rows].max(axis=0), 0).sum() for rows in (small, large)]
        assert gains[0] >= gains[1] - 1e-12


@pytest.mark.parametrize("n", [1, 2, 500])
def test_bounds_from_the_kept_similarities_are_bounds(n: int) -> None:
    x = neighbours.shifted(unit(500, 16, 2)[:n])
    alike = herding.Gaussian(0.5)(neighbours.squared(x, x + 0.01))
    kept = np.nextafter(alike.astype(np.float32), np.float32(np.inf))
    rng = stream(2, 0, "oracle")
    for _ in range(20):
        far, close = alike[rng.integers(n, size=rng.integers(1, 9))].max(axis=0) * rng.random(n), alike[0] - 1e-9
        w = rng.random(n)
        for best in (far, close):
            gains = np.maximum(alike - best, 0) @ w
            bounds = herding._from_above(kept, np.arange(n), best, w)
            assert (bounds >= gains).all() and (bounds <= gains * 1.001 + 1e-4).all()


@pytest.mark.parametrize("cache", [0, herding.CACHE])
def test_gains_within_rounding_are_equal_and_the_lower_row_wins(cache: int) -> None:
    x = np.repeat([[1.0, 0.0], [-1.0, 0.0]], 40, axis=0)
    w = np.repeat([1.0, 1.0 + 1e-11], 40)  # the second group is worth more by less than counts
    assert herding.facility_location(x, x[:0], herding.Gaussian(0.2), 2, w, cache)[0].tolist() == [0, 40]
    assert herding.sparse_facility_location(np.concatenate([x, x + 5]), x[:0], herding.Gaussian(0.2), 1, 39)[0].tolist() == [0]


def test_nothing_is_left_to_gain_where_everything_is_covered() -> None:
    x = unit(9, 3, 0)
    assert not len(herding.facility_location(x, x, herding.Gaussian(), 4)[0])
    assert not len(herding.facility_location(x, x[:0], herding.Gaussian(), 4, np.zeros(9))[0])
    assert len(herding.facility_location(np.ones((6, 2)), x[:0, :2], herding.Gaussian(), 4)[0]) == 1


def test_a_sparse_graph_with_all_neighbours_is_the_whole_table() -> None:
    x = unit(60, 4, 8)
    dense = herding.facility_location(x, x[:3], herding.Gaussian(), 20)
    sparse = herding.sparse_facility_location(x, x[:3], herding.Gaussian(), 20, 59)
    assert sparse[0].tolist() == dense[0].tolist()
    np.testing.assert_allclose(sparse[1], dense[1], rtol=1e-9)


def test_a_sparse_graph_equals_its_own_definition() -> None:
    x = unit(50, 4, 9)
    alike = table(x, x, herding.Gaussian())
    order = np.argsort(-alike, axis=1, kind="stable")[:, :6]  # itself and five others
    only = np.zeros_like(alike)
    np.put_along_axis(only, order, np.take_along_axis(alike, order, axis=1), axis=1)
    best, picks = np.zeros(50), []
    for _ in range(12):
        gain = np.maximum(only - best[:, None], 0).sum(axis=0)
        gain[picks] = -1
        picks.append(int(gain.argmax()))
        best = np.maximum(best, only[:, picks[-1]])
    assert herding.sparse_facility_location(x, x[:0], herding.Gaussian(), 12, 5)[0].tolist() == picks


@pytest.mark.slow
@pytest.mark.parametrize("similarity", [herding.Gaussian(), herding.Cosine()])
def test_five_thousand_points_equal_the_definition(similarity: herding.Similarity) -> None:
    rng = stream(4, 0, "oracle")
    scale = np.arange(1, 65) ** -0.5
    x = neighbours.unit((rng.normal(size=(20, 64))[rng.integers(20, size=5000)] * scale + rng.normal(size=(5000, 64)) * scale).astype(np.float32))
    w = rng.random(5000)
    picks, gains = herding.facility_location(x[50:], x[:50], similarity, 25, w[50:])
    alike = np.concatenate([similarity(((x[50:].astype(np.float64) - row) ** 2).sum(axis=1))[None] for row in x])
    best, alike = alike[:50].max(axis=0), alike[50:]
    for pick, worth in zip(picks, gains, strict=True):
        gain = np.maximum(alike - best, 0) @ w[50:]
        assert gain.argmax() == pick and gain[pick] == pytest.approx(worth)
        best = np.maximum(best, alike[pick])
