"""Strategies for predicted numbers: the committee's spread in units, aleatoric variance, greedy sampling over a view."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.numbers import GreedySampling, ValueVariance
from querist.core import catalogue
from querist.core.errors import CapabilityError, UsageError
from querist.core.rng import stream
from querist.core.sites import Sites
from querist.kernels.folding import Aggregator
from querist.testing.fake_view import FakeView

pytestmark = pytest.mark.torchless


class Folding:
    """A view of ready-made sites."""

    def __init__(self, said: Sites, aggregator: Any = None) -> None:
        self.said, self.aggregator = said, aggregator

    def fold(self, name: str, fn: Any, of: str = "candidates", places: Any = None) -> np.ndarray:
        assert name == "values"
        return np.asarray(fn(self.said))


def test_spread_is_the_variance_in_units_summed_over_the_numbers() -> None:
    values = np.array([[[1.0, 0.0], [3.0, 0.0]], [[5.0, 10.0], [5.0, 30.0]]])
    said = Sites(np.arange(3), values=values)
    assert ValueVariance()(Folding(said)).tolist() == [1.0, 100.0]  # type: ignore[arg-type]
    scaled = dataclasses.replace(said, extra={"scale": np.tile([1.0, 10.0], (2, 1))})
    assert ValueVariance()(Folding(scaled)).tolist() == [1.0, 1.0]  # type: ignore[arg-type]
    noisy = dataclasses.replace(scaled, noise=np.array([[[0.0, 100.0]] * 2, [[0.5, 0.0], [1.5, 0.0]]]))
    assert ValueVariance()(Folding(noisy)).tolist() == [1.0, 1.0]  # type: ignore[arg-type]
    assert ValueVariance(total=True)(Folding(noisy)).tolist() == [2.0, 2.0]  # type: ignore[arg-type]


def test_sites_fold_to_items() -> None:
    said = Sites(np.array([0, 2, 2, 3]), values=np.array([[[1.0], [3.0]], [[0.0], [0.0]], [[0.0], [4.0]]]))
    assert ValueVariance()(Folding(said, Aggregator("max", empty=-1.0))).tolist() == [1.0, -1.0, 4.0]  # type: ignore[arg-type]


def test_classes_are_no_numbers() -> None:
    said = Sites(np.arange(3), probs=np.full((2, 1, 2), 0.5))
    with pytest.raises(CapabilityError, match="no numbers"):
        ValueVariance()(Folding(said))  # type: ignore[arg-type]


def test_a_committee_that_agrees_asks_in_order() -> None:
    view = FakeView.random()
    chosen = Compose(score=ValueVariance()).select(view.filled("values", np.zeros((40, 3, 2))), 4, stream(0, 0, "select"))
    assert list(chosen.ids) == list(view.candidates[:4]) and set(chosen.scores) == {0.0}


def test_pending_items_count_as_known() -> None:
    view = FakeView.random()
    first = GreedySampling().select(view, 1, stream(0, 0, "select")).ids[0]
    row = list(view.candidates).index(first)
    pending = {
        name: value[row : row + 1] if not isinstance(value, tuple) else tuple(part[row : row + 1] for part in value)
        for name, value in view.stats["candidates"].items()
    }
    rest = view.take(np.delete(np.arange(40), row))
    waiting = dataclasses.replace(rest, pending=[first], stats={**rest.stats, "pending": pending})
    without = dataclasses.replace(view, pending=[])
    assert GreedySampling().select(waiting, 3, stream(0, 0, "select")).ids == GreedySampling().select(without, 4, stream(0, 0, "select")).ids[1:]


def test_modes() -> None:
    assert GreedySampling("inputs").needs == {"features"} and GreedySampling("outputs").needs == {"values"}
    with pytest.raises(UsageError, match="mode"):
        GreedySampling("sideways").select(FakeView.random(), 2, stream(0, 0, "select"))
    view = FakeView.random()
    coreset = catalogue.acquisition("coreset").select(view, 5, stream(0, 0, "select"))
    assert GreedySampling("inputs").select(view, 5, stream(0, 0, "select")).ids == coreset.ids
