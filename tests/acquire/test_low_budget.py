"""What the low-budget rows are for: with two labels per class on digits they beat random, seed by seed taken together."""

from __future__ import annotations

import numpy as np
import pytest

from querist import select
from querist.core.rng import stream
from querist.kernels import neighbours

pytestmark = [pytest.mark.torchless, pytest.mark.slow]


@pytest.mark.parametrize("name", ["typiclust", "probcover", "dcom", "maxherding", "uherding", "facility_location"])
def test_twenty_labels_of_digits_are_better_spent_than_at_random(name: str) -> None:
    data = pytest.importorskip("sklearn.datasets").load_digits()
    x, y = neighbours.unit(data.data.astype(np.float32)), data.target

    def accuracy(method: str, seed: int) -> float:
        order = stream(seed, 0, "split").permutation(len(x))
        pool, test = order[:1200], order[1200:]
        even = np.full((1200, 10), 0.1, dtype=np.float32)  # no model yet: nothing is known of the classes
        rows = pool[[int(item) for item in select(method, 20, features=x[pool], probs=even, seed=seed).ids]]
        nearest = neighbours.squared(x[test].astype(np.float64), x[rows].astype(np.float64)).argmin(axis=1)
        return float((y[rows][nearest] == y[test]).mean())

    gains = [accuracy(name, seed) - accuracy("random", seed) for seed in range(5)]
    assert np.mean(gains) > 0.02
