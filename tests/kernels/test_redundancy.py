"""Exploration-P's kernel: the golden order, the running sum, and what alpha does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels.ranking import top_k
from querist.kernels.redundancy import centred_log_probs, explore_exploit

pytestmark = pytest.mark.torchless
NOBODY = np.empty((0, 2))


def test_golden_order() -> None:
    uncertainty, f = np.array([1, 0.98, 0.9, 0.5]), np.array([(1, 0), (0.99, 0.1), (0, 1), (-1, 0)], dtype=float)
    rows, values, explored = explore_exploit(uncertainty, f, 3, 1.0, np.zeros(3, dtype=bool), np.arange(4), NOBODY)
    assert rows.tolist() == [0, 3, 1] and not explored.any()
    np.testing.assert_allclose(values, [1.0, 1.5, 0.98], atol=1e-12)


def naive(e: np.ndarray, f: np.ndarray, k: int, alpha: float, explore: np.ndarray, listed: np.ndarray, covered: np.ndarray) -> list[int]:
    picks: list[int] = []
    for step in range(k):
        free = [i for i in range(len(e)) if i not in picks]
        known = [*covered, *(f[j] for j in picks)]
        if explore[step] and known:
            picks.append(min((i for i in free if i in listed), key=lambda i: np.mean([f[i] @ g for g in known])))
        else:
            picks.append(max(free, key=lambda i: e[i] - (alpha / max(step, 1)) * sum(f[i] @ f[j] for j in picks)))
    return picks


@given(st.integers(1, 20), st.integers(0, 3), st.floats(0, 5), st.integers(0, 10_000))
def test_the_running_sum_equals_the_explicit_one(n: int, m: int, alpha: float, seed: int) -> None:
    rng = stream(seed, 0, "oracle")
    e, f, covered = rng.uniform(size=n), rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
    k = int(rng.integers(1, n + 1))
    explore, listed = rng.random(k) < 0.5, top_k(e, min(2 * k, n))
    rows, _, _ = explore_exploit(e, f, k, alpha, explore, listed, covered)
    assert rows.tolist() == naive(e, f, k, alpha, explore, listed, covered)


def test_large_alpha_alternates_between_two_clusters() -> None:
    f = np.repeat([[1.0, 0.0], [-1.0, 0.0]], 5, axis=0)
    e = np.linspace(1.0, 0.9, 10)
    rows, _, _ = explore_exploit(e, f, 8, 100.0, np.zeros(8, dtype=bool), np.arange(10), NOBODY)
    side = rows // 5
    assert (side[1::2] != side[0::2]).all() and side.sum() == 4


def test_centred_log_probs_are_logits_up_to_a_constant() -> None:
    logits = stream(0, 0, "oracle").normal(size=(6, 4))
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(centred_log_probs(probs, unit=False), logits - logits.mean(axis=1, keepdims=True), atol=1e-12)
    unit = centred_log_probs(probs, unit=True)
    assert np.abs(unit @ unit.T).max() <= 1 + 1e-12
    np.testing.assert_allclose((unit**2).sum(axis=1), 1.0)


def test_certain_and_uniform_rows_stay_finite() -> None:
    # Public entropies take a bare log of probabilities that are 0.
    for unit in (False, True):
        f = centred_log_probs(np.array([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]], dtype=np.float32), unit=unit)
        assert np.isfinite(f).all() and np.abs(f[1]).max() < 1e-6
