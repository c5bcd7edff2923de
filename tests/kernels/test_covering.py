"""ProbCover's greedy: golden numbers, the naive twin, its guarantee, and what the authors' code gets wrong."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import covering, neighbours

pytestmark = pytest.mark.torchless

POINTS = np.array([(0, 0), (1, 0), (0, 3), (5, 0), (5, 1), (6, 6), (2, 2)], dtype=np.float64)
ALL = np.ones(7, dtype=bool)


def naive_cover(x: np.ndarray, live: np.ndarray, radius: float, k: int) -> tuple[list[int], list[int]]:
    inside = np.sqrt(((x[:, None] - x) ** 2).sum(axis=2)) < radius
    live, picks, gains = live.copy(), [], []
    for _ in range(min(k, len(x))):
        gain = [-1 if i in picks else int((inside[i] & live).sum()) for i in range(len(x))]
        if max(gain) <= 0:
            break
        picks.append(int(np.argmax(gain)))
        gains.append(max(gain))
        live &= ~inside[picks[-1]]
    return picks, gains


def test_golden_counts_and_picks() -> None:
    assert covering.counts_within(POINTS, np.arange(7), 2.3).tolist() == [2, 3, 2, 2, 2, 1, 3]
    picks, fresh, _ = covering.ball_cover(POINTS, ALL, 2.3, 3)
    assert picks.tolist() == [1, 3, 2] and fresh.tolist() == [3, 2, 1]  # rows 2 and 5 tie at one


@given(st.integers(1, 30), st.integers(0, 12), st.floats(0.0, 4.0), st.integers(0, 10_000))
def test_cover_equals_the_naive_twin(n: int, k: int, radius: float, seed: int) -> None:
    rng = stream(seed, 0, "oracle")
    x = rng.integers(-4, 5, size=(n, 2)) / 2.0
    live = rng.random(n) < 0.8
    picks, fresh, values = covering.ball_cover(x, live, round(2 * radius) / 2, k)
    assert (picks.tolist(), fresh.tolist()) == naive_cover(x, live, round(2 * radius) / 2, k)
    assert values.tolist() == fresh.tolist() and (np.diff(fresh) <= 0).all()


def test_cover_reaches_the_greedy_share_of_the_best() -> None:
    for seed in range(20):
        x = stream(seed, 0, "oracle").normal(size=(9, 2))
        inside = np.sqrt(((x[:, None] - x) ** 2).sum(axis=2)) < 0.9
        best = max(inside[list(rows)].any(axis=0).sum() for rows in itertools.combinations(range(9), 3))
        _, fresh, _ = covering.ball_cover(x, np.ones(9, dtype=bool), 0.9, 3)
        first = inside.sum(axis=1).max()
        assert fresh[0] == first and fresh.sum() >= (1 - 1 / np.e) * best


def test_the_last_part_of_the_pool_is_covered_and_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "PAIRS", 4 * 10)  # blocks of four rows of ten: the last has two, and holds the crowd
    x = np.array([[i * 10.0] for i in range(8)] + [[500.0], [500.1]])
    picks, fresh, _ = covering.ball_cover(x, np.ones(10, dtype=bool), 1.0, 3)
    assert picks.tolist() == [8, 0, 1] and fresh.tolist() == [2, 1, 1]


def test_nothing_is_picked_where_nothing_is_open() -> None:
    picks, _, _ = covering.ball_cover(POINTS, ~ALL, 2.3, 3)
    assert not len(picks)
    assert covering.farthest_rest(POINTS, POINTS[:1], picks, 3).tolist() == [5, 4, 2]


def test_a_tiny_radius_takes_distinct_points_and_a_huge_one_covers_everything_at_once() -> None:
    assert covering.ball_cover(POINTS, ALL, 1e-9, 7)[0].tolist() == list(range(7))
    picks, fresh, _ = covering.ball_cover(POINTS, ALL, 1e9, 7)
    assert picks.tolist() == [0] and fresh.tolist() == [7]
    assert covering.ball_cover(POINTS, ALL, np.inf, 2)[1].tolist() == [7]


def test_points_in_a_covered_ball_are_not_open() -> None:
    assert np.flatnonzero(~covering.outside(POINTS, POINTS[[1]], np.array([2.3]))).tolist() == [0, 1, 6]
    assert covering.outside(POINTS, POINTS[:0], np.zeros(0)).all()


def test_every_pure_radius_is_pure_and_its_double_is_not() -> None:
    rng = stream(0, 0, "oracle")
    labels = np.arange(60) % 3
    x = rng.normal(size=(60, 2)) + 3 * np.eye(3, 2)[labels]
    radii = covering.pure_radii(x, labels, x[:12], labels[:12], 4.0, 0.8)
    gaps = np.sqrt(((x[:12, None] - x) ** 2).sum(axis=2))

    def purity(row: int, radius: float) -> float:
        inside = gaps[row] < radius
        return float((labels[inside] == labels[row]).mean())

    assert (radii > 0).all()
    assert all(purity(row, radius) >= 0.8 and (radius > 3.99 or purity(row, radius + 4 / 2048) < 0.8) for row, radius in enumerate(radii))


def test_the_rest_is_as_many_as_are_missing() -> None:
    x = np.arange(12, dtype=np.float64)[:, None]
    rest = covering.farthest_rest(x, x[:1], np.array([5, 11]), 5)
    assert len(rest) == 3 and not {5, 11} & set(rest.tolist())
    assert not len(covering.farthest_rest(x, x[:1], np.array([5, 11]), 2))
