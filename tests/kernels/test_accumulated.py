"""Sums over samples against the dense tensor."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels import accumulated, information

pytestmark = pytest.mark.torchless


def tensor(n: int = 40, k: int = 9, c: int = 4) -> np.ndarray:
    return stream(0, 0, "oracle").dirichlet(np.full(c, 0.4), size=(n, k))


def summed(probs: np.ndarray, order: np.ndarray | None = None) -> np.ndarray:
    sums = accumulated.Accumulator(len(probs), probs.shape[2])
    for sample in range(probs.shape[1]) if order is None else order:
        sums.add(probs[:, sample])
    return sums.moments


@pytest.mark.parametrize("measure", ["entropy", "bald", "variation_ratio", "mean_std"])
def test_streaming_equals_the_dense_tensor(measure: str) -> None:
    probs = tensor()
    np.testing.assert_allclose(getattr(accumulated, measure)(summed(probs)), getattr(information, measure)(probs), atol=1e-6)


def test_order_of_samples_does_not_matter() -> None:
    probs = tensor()
    np.testing.assert_allclose(summed(probs), summed(probs, stream(1, 0, "oracle").permutation(9)), atol=1e-12)


def test_one_sample_and_equal_samples_have_no_disagreement() -> None:
    probs = tensor(k=1)
    for moments in (summed(probs), summed(np.repeat(probs, 300, axis=1))):
        assert accumulated.bald(moments).max() < 1e-12 and not accumulated.variation_ratio(moments).any()
        assert accumulated.mean_std(moments).max() < 1e-6, "and no root of a negative number"


def test_certain_and_opposed_samples() -> None:
    moments = summed(np.eye(3)[None])
    assert accumulated.bald(moments)[0] == pytest.approx(np.log(3.0)) and accumulated.variation_ratio(moments)[0] == pytest.approx(2 / 3)
    assert np.isfinite(summed(np.eye(3)[None, :1])).all()
