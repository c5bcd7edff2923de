"""Measures of behaviour against values by hand and naive twins."""

from __future__ import annotations

import numpy as np
import pytest

from querist.bench.behaviour import agreement, copies, detection, overconfidence, spread
from querist.core.errors import UsageError


def test_overconfidence_by_hand() -> None:
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    assert overconfidence(probs, np.array([0, 1, 1, 1])) == pytest.approx(0.75 - 0.5)
    assert overconfidence(probs, np.array([0, 0, 1, 0])) == pytest.approx(0.75 - 1.0)
    with pytest.raises(UsageError):
        overconfidence(np.zeros((0, 2)), np.zeros(0, dtype=np.int64))


@pytest.mark.parametrize("seed", range(5))
def test_detection_is_the_share_of_pairs_in_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, positive = rng.integers(0, 6, 40).astype(float), rng.random(40) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[positive] for b in scores[~positive]]
    assert detection(scores, positive) == pytest.approx(np.mean(pairs))
    assert detection(-scores, positive) == pytest.approx(1 - np.mean(pairs))


def test_detection_refuses_one_kind() -> None:
    with pytest.raises(UsageError, match="both kinds"):
        detection(np.arange(3.0), np.zeros(3, dtype=bool))


def test_agreement_of_equal_opposite_and_constant_scores() -> None:
    a = np.arange(10.0)
    assert agreement(a, a**3, 4) == (pytest.approx(1.0), 1.0)
    assert agreement(a, -a, 4) == (pytest.approx(-1.0), 0.0)
    assert np.isnan(agreement(a, np.ones(10), 4)[0])


def test_copies_counts_those_in_the_batch_and_those_bought_before() -> None:
    batches = [["a", "b"], ["c", "c~2", "d"], ["a~2", "e"]]
    origin = [[item.split("~")[0] for item in batch] for batch in batches]
    assert copies(batches, origin) == pytest.approx(3 / 5)  # c, c~2 and a~2
    assert copies(batches[:1], origin[:1]) == 0.0
    assert copies([], []) == 0.0
    with pytest.raises(UsageError, match="origin"):
        copies(batches, origin[:2])


def test_spread_by_hand_and_scale() -> None:
    x = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]], dtype=np.float32)
    assert spread(x) == pytest.approx((1 + np.sqrt(18) + 1) / 3)
    assert spread(x[[0, 0, 1]]) == pytest.approx(5 / 3)
    assert spread(3 * x) == pytest.approx(3 * spread(x))
    with pytest.raises(UsageError):
        spread(x[:1])
