"""Softmax is exp over its sum, of any leading shape, wherever the origin of the logits lies."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels.logits import log_softmax, softmax

pytestmark = pytest.mark.torchless


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3)])
@pytest.mark.parametrize("origin", [0.0, 5000.0, -5000.0])
def test_along_the_last_axis_from_any_origin(shape: tuple[int, ...], origin: float) -> None:
    z = stream(len(shape), 0, "oracle").normal(size=shape)
    wanted = np.exp(z) / np.exp(z).sum(axis=-1)[..., None]
    assert softmax(z + origin) == pytest.approx(wanted, rel=1e-9)
    assert log_softmax(z + origin) == pytest.approx(np.log(wanted), rel=1e-9)


def test_the_logarithm_stays_finite_where_the_probability_vanishes() -> None:
    z = np.array([0.0, -2000.0])
    assert softmax(z).tolist() == [1.0, 0.0]
    assert log_softmax(z).tolist() == [0.0, -2000.0]
