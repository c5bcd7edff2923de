"""LCMD against a naive twin, golden numbers and k-center."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import geometry, lcmd
from querist.kernels.budget import Budget, limit

pytestmark = pytest.mark.torchless

POINTS = np.array([(0, 0), (1, 0), (0, 3), (5, 0), (5, 1), (6, 6), (2, 2)], dtype=np.float64)


def test_golden() -> None:
    rows, squared, clusters = lcmd.lcmd(POINTS[1:], POINTS[:1], 5)
    assert (rows + 1).tolist() == [5, 4, 2, 6, 1]
    assert (squared[0], clusters[0]) == (72.0, 0)


def naive(x: np.ndarray, centres: np.ndarray, k: int) -> list[int]:
    at, picks = [*centres], list[int]()
    for _ in range(min(k, len(x))):
        if at:
            gaps = np.array([[((row - c) ** 2).sum() for c in at] for row in x])
            owner, near = gaps.argmin(axis=1), gaps.min(axis=1)
            loads = [near[owner == c].sum() for c in range(len(at))]
            members = [i for i in range(len(x)) if i not in picks and (owner[i] == int(np.argmax(loads)) or max(loads) <= 0)]
            pick = max(members, key=lambda i: (near[i], -i))
        else:
            pick = max(range(len(x)), key=lambda i: (x[i] @ x[i], -i))
        picks.append(pick)
        at.append(x[pick])
    return picks


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 14), st.integers(0, 4), st.integers(0, 12), st.booleans())
def test_equals_the_naive_twin(seed: int, n: int, m: int, k: int, grid: bool) -> None:
    rng = stream(seed, 0, "oracle")
    x, centres = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
    if grid:  # ties and duplicates, exact in float64
        x, centres = np.round(x), np.round(centres)
    assert lcmd.lcmd(x, centres, k)[0].tolist() == naive(x, centres, k)


def test_one_cluster_is_k_center() -> None:
    for seed in range(10):
        x = stream(seed, 0, "oracle").normal(size=(30, 3))
        assert lcmd.lcmd(x[1:], x[:1], 1)[0].tolist() == geometry.k_center(x[1:], x[:1], 1)[0].tolist()


def test_weight_beats_distance() -> None:
    crowd = stream(0, 0, "oracle").normal(size=(200, 2))
    outlier = np.array([[40.0, 0.0]])
    centres = np.array([[0.0, 0.0], [36.0, 0.0]])
    rows = lcmd.lcmd(np.concatenate([crowd, outlier]), centres, 1)[0]
    assert rows[0] < 200 and geometry.k_center(np.concatenate([crowd, outlier]), centres, 1)[0][0] == 200


def test_duplicates_follow_all_distinct_points() -> None:
    x = np.repeat(stream(1, 0, "oracle").normal(size=(6, 3)), 5, axis=0)
    rows, squared, _ = lcmd.lcmd(x, x[:0], 30)
    assert {row // 5 for row in rows[:6].tolist()} == set(range(6))
    assert sorted(rows.tolist()) == list(range(30)) and np.isinf(squared[0]) and (squared[6:] == 0).all()


def test_float32_rows_and_blocks() -> None:
    rng = stream(2, 0, "oracle")
    x, centres = rng.normal(size=(900, 4)).astype(np.float32), rng.normal(size=(20, 4)).astype(np.float32)
    whole = lcmd.lcmd(x, centres, 40)[0].tolist()
    assert whole == lcmd.lcmd(x.astype(np.float64), centres.astype(np.float64), 40)[0].tolist()
    with limit(4096) as spent:
        assert lcmd.lcmd(x, centres, 40)[0].tolist() == whole
    assert spent.peak_bytes == 4096 + (2 * 8 + 8 + 4 + 1) * len(x)
    assert spent.passes == pytest.approx(2 + 39), "norms, the given centres, and one for every pick but the last"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_row_that_is_closer_is_passed_over(dtype: type) -> None:
    """Rows and centres near to the shift and far from it, each a billionth closer to the new centre than to its own."""
    rng = stream(3, 0, "oracle")
    noise = rng.normal(size=(150, 8)) * np.exp(2 * rng.normal(size=(150, 1)))
    small = np.zeros((4, 8))
    small[:, 0] = 1.0, -1.0, 2.0**-80, -(2.0**-80)  # products of the last two underflow in float32
    for x, share in ((np.concatenate([3 + noise, 3 - noise]).astype(dtype), 1 + 1e-9), (small.astype(dtype), 2.0)):
        clusters = lcmd._Clusters(x, x[:1], [], Budget(), 1)
        assert clusters.raw == (dtype is np.float32) and clusters.pool.scale == 1.0
        for row in range(min(len(x), 40)):
            gaps = ((x.astype(np.float64) - x[row].astype(np.float64)) ** 2).sum(axis=1)
            clusters.reach = (1 - 2 * clusters.pool.e) * clusters.pool.norms - np.where(gaps > 0, share * gaps, 2.0**-161)
            assert clusters._test(clusters.pool.wide(np.array([row])))(slice(0, len(x))).all()
