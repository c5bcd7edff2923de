"""Labels that do not all cost the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import querist
from querist.acquire.costs import CostAware
from querist.acquire.ranked import CORESET, MARGIN
from querist.acquire.scores import Margin
from querist.core.errors import StatisticError
from querist.core.rng import stream
from querist.kernels.allotting import affordable
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def rng(seed: int = 0) -> np.random.Generator:
    return stream(seed, 1, "select")


@pytest.mark.parametrize("inner", [MARGIN, CORESET, querist.method("badge"), querist.method("random")])
def test_equal_costs_change_nothing(inner: object) -> None:
    view = FakeView.random()
    equal = view.filled("costs", np.full(40, 7.0))
    assert CostAware(inner).select(equal, 8, rng()).ids == inner.select(view, 8, rng()).ids  # type: ignore[arg-type, attr-defined]


def test_ranks_by_gain_per_cost() -> None:
    view = FakeView.random()
    worth = Margin()(view) / view.stat("costs")
    chosen = CostAware(MARGIN).select(view, 8, rng())
    assert list(chosen.ids) == [view.candidates[row] for row in np.argsort(-worth, kind="stable")[:8]]
    np.testing.assert_allclose(chosen.scores, np.sort(worth)[::-1][:8])
    assert chosen.note[0].startswith("gain ") and " at cost " in chosen.note[0]


def test_a_free_lunch_has_a_floor() -> None:
    view = FakeView.random()
    costs = np.ones(40)
    last = int(np.argsort(Margin()(view))[5])
    costs[last] = 1e-9
    gain = Margin()(view)[last]
    chosen = CostAware(MARGIN, floor=0.05).select(view.filled("costs", costs), 40, rng())
    assert max(chosen.scores) == pytest.approx(max(gain / 0.05, (Margin()(view)).max()))


@pytest.mark.parametrize("budget", [0.0, 1.0, 3.3, 10.0, 1e9])
def test_a_budget_is_never_exceeded_and_scales(budget: float) -> None:
    view = FakeView.random()
    price = dict(zip(view.candidates, view.stat("costs").tolist(), strict=True))
    chosen = CostAware(MARGIN, budget=budget).select(view, 12, rng())
    assert sum(price[item] for item in chosen.ids) <= budget and len(chosen) <= 12
    assert len(chosen) == 12 or budget < 1e9
    doubled = CostAware(MARGIN, budget=2 * budget).select(view.filled("costs", 2 * view.stat("costs")), 12, rng())
    assert doubled.ids == chosen.ids


def test_the_budgeted_greedy_gains_at_least_half_the_optimum() -> None:
    for seed in range(40):
        draw = rng(seed)
        gains, costs = draw.exponential(size=9), draw.uniform(0.2, 3.0, size=9)
        budget = float(draw.uniform(0.5, 6.0))
        best = max(gains[list(some)].sum() for size in range(10) for some in itertools.combinations(range(9), size) if costs[list(some)].sum() <= budget)
        places = affordable(gains, costs, 9, budget)
        assert costs[places].sum() <= budget and len(set(places.tolist())) == len(places)
        assert gains[places].sum() >= best / 2


def test_one_great_item_beats_many_cheap_ones() -> None:
    assert affordable(np.array([1.0, 10.0]), np.array([0.1, 10.0]), 2, 10.0).tolist() == [1]
    assert affordable(np.array([1.0, 10.0]), np.array([0.1, 10.0]), 2, 9.0).tolist() == [0]
    assert affordable(np.array([1.0, 10.0]), np.array([0.1, 10.0]), 0, 9.0).tolist() == []


def test_a_cost_of_nothing_is_an_error_that_names_the_item() -> None:
    view = FakeView.random()
    costs = view.stat("costs").copy()
    costs[3] = 0
    with pytest.raises(StatisticError, match=view.candidates[3]):
        CostAware().select(view.filled("costs", costs), 3, rng())
    with pytest.raises(StatisticError, match="row 3"):
        querist.select("cost_aware", 3, probs=np.full((5, 2), 0.5), costs=[1, 1, 1, -1, 1])
