"""Greedy sampling for regression against a naive twin, and its ends: k-center, duplicates, nothing known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels.farthest import k_center
from querist.kernels.greedy_sampling import MODES, greedy_sampling

pytestmark = pytest.mark.torchless


def naive(x: np.ndarray, y: np.ndarray, known: list[tuple[np.ndarray, np.ndarray]], k: int, mode: str) -> list[int]:
    picks: list[int] = []
    for _ in range(min(k, len(x))):
        scores = []
        for row in range(len(x)):
            dx = [np.linalg.norm(x[row] - a) for a, _ in known]
            dy = [np.linalg.norm(y[row] - b) for _, b in known]
            joint = {"inputs": min(dx), "outputs": min(dy), "product": min(dx) * min(dy), "paired": min(a * b for a, b in zip(dx, dy, strict=True))}
            scores.append(-1.0 if row in picks else joint[mode])
        row = int(np.argmax(np.round(scores, 9)))
        picks.append(row)
        known = [*known, (x[row], y[row])]
    return picks


def drawn(seed: int, n: int = 14, m: int = 3, d: int = 2, t: int = 1) -> tuple[np.ndarray, ...]:
    rng = stream(seed, 0, "oracle")
    return rng.normal(size=(n, d)), rng.normal(size=(n, t)), rng.normal(size=(m, d)), rng.normal(size=(m, t))


@pytest.mark.parametrize("mode", MODES)
@given(seed=st.integers(0, 200), t=st.integers(1, 3))
def test_picks_are_those_of_the_plain_algorithm(mode: str, seed: int, t: int) -> None:
    x, y, known_x, known_y = drawn(seed, t=t)
    rows, values = greedy_sampling(x, y, known_x, known_y, 6, mode)
    assert rows.tolist() == naive(x, y, list(zip(known_x, known_y, strict=True)), 6, mode)
    assert (values > 0).all() and (np.diff(values) <= 1e-9).all()


def test_inputs_alone_are_k_center() -> None:
    x, y, known_x, known_y = drawn(0, n=60, m=5, d=4)
    rows, values = greedy_sampling(x, y, known_x, known_y, 10, "inputs")
    same, squared = k_center(x.astype(np.float32), known_x.astype(np.float32), 10)
    assert rows.tolist() == same.tolist()
    np.testing.assert_allclose(values, np.sqrt(squared), rtol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_duplicates_of_what_is_known_score_0_and_go_last(mode: str) -> None:
    x, y, known_x, known_y = drawn(1)
    x[4], y[4] = known_x[0], known_y[0]
    rows, values = greedy_sampling(x, y, known_x, known_y, 14, mode)
    assert rows[-1] == 4 and values[-1] == 0.0


def test_the_two_ways_to_join() -> None:
    """By hand: the candidate is near one known item in input and near the other in output."""
    x, y = np.array([[0.0], [5.0]]), np.array([[0.0], [5.0]])
    known_x, known_y = np.array([[1.0], [10.0]]), np.array([[10.0], [1.0]])
    for mode, first in (("product", 1.0), ("paired", 10.0)):
        rows, values = greedy_sampling(x[:1], y[:1], known_x, known_y, 1, mode)
        assert rows.tolist() == [0] and values.tolist() == [first]
    assert greedy_sampling(x, y, known_x, known_y, 2, "product")[0].tolist() == [1, 0]


def test_nothing_known_begins_at_the_mean() -> None:
    x, y, _, _ = drawn(2)
    rows, values = greedy_sampling(x, y, x[:0], y[:0], 20)
    assert rows[0] == np.linalg.norm(x - x.mean(axis=0), axis=1).argmin() and np.isinf(values[0]) and np.isfinite(values[1:]).all()
    assert sorted(rows.tolist()) == list(range(14))
    assert len(greedy_sampling(x[:0], y[:0], x, y, 3)[0]) == 0
