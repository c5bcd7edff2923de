"""Selection via proxy: the recipe, and how far a small network ranks as the large one."""

from __future__ import annotations

import numpy as np
import pytest

from querist.acquire.proxy import rank_agreement
from querist.acquire.scores import Entropy, Margin
from querist.core import catalogue
from querist.core.errors import StatisticError
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def test_a_proxy_that_is_the_target_selects_the_same() -> None:
    target = FakeView.random(n=80)
    proxy = target.filled("probs", target.stat("probs").copy())
    agreement = rank_agreement(Margin(), proxy, target, 10)
    assert agreement.spearman == pytest.approx(1.0) and agreement.shared == 1.0
    for name in ("least_confidence", "entropy", "coreset", "badge"):
        method = catalogue.acquisition(name)
        assert method.select(proxy, 10, stream(0, 1, "select")) == method.select(target, 10, stream(0, 1, "select"))


def test_another_network_agrees_less() -> None:
    target = FakeView.random(n=80)
    noise = stream(1, 0, "oracle").normal(size=target.stat("probs").shape)
    blurred = target.stat("probs") * np.exp(noise)
    found = rank_agreement(Entropy(), target.filled("probs", (blurred / blurred.sum(axis=2, keepdims=True)).astype(np.float32)), target, 10)
    assert 0.1 < found.spearman < 0.95 and 0 < found.shared < 1


def test_certain_networks_give_no_nan() -> None:
    # The published code takes a bare log of a probability of 0.
    target = FakeView.random(n=30)
    certain = np.zeros_like(target.stat("probs"))
    certain[:, :, 0] = 1.0
    certain[0] = 1 / 3
    found = rank_agreement(Entropy(), target.filled("probs", certain), target, 5)
    assert np.isfinite(found.spearman)


def test_different_candidates_are_refused() -> None:
    with pytest.raises(StatisticError, match="different candidates"):
        rank_agreement(Margin(), FakeView.random(n=20), FakeView.random(n=21), 5)
