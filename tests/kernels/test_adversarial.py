"""WAAL's sureness: smallest at the uniform distribution, finite at certainty, and as ten lines say it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels.adversarial import sureness

pytestmark = pytest.mark.torchless


def drawn(n: int, k: int, c: int) -> np.ndarray:
    return stream(0, 0, "oracle").dirichlet(np.full(c, 0.3), size=(n, k)).astype(np.float32)


def test_the_least_value_is_that_of_the_uniform_distribution() -> None:
    uniform = sureness(np.full((1, 1, 10), 0.1))[0]
    assert uniform == pytest.approx(15.154, abs=5e-4) and uniform == pytest.approx(0.5 * (math.sqrt(10) + 10) * math.log(10))
    assert (sureness(drawn(500, 1, 10)) > uniform).all()


def test_it_is_the_mean_of_the_two_norms() -> None:
    probs = drawn(30, 3, 4)
    for row, value in zip(probs, sureness(probs), strict=True):
        logs = np.log(row.mean(axis=0, dtype=np.float64))
        assert value == pytest.approx(0.5 * np.linalg.norm(logs, 2) + 0.5 * np.linalg.norm(logs, 1))


def test_certainty_is_finite_and_the_surest() -> None:
    values = sureness(np.array([[[1.0, 0.0, 0.0]], [[0.9, 0.05, 0.05]], [[1 / 3, 1 / 3, 1 / 3]]]))
    assert np.isfinite(values).all() and values[0] > values[1] > values[2]
