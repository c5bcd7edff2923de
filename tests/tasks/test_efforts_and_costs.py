"""Linear cost models: seconds, money, and learning them from recorded seconds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from querist.core.errors import UsageError
from querist.core.spec import build, spec
from querist.tasks import KINDS
from querist.tasks.costs import ASSUMED, LinearCost, learnt, non_negative

pytestmark = pytest.mark.torchless


def test_seconds_and_money_are_linear() -> None:
    cost = LinearCost(5.0, ("boxes", "clicks"), (7.0, 0.5), hourly=36.0)
    effort = {"items": 1, "boxes": 3, "clicks": 2, "pixels": 1000}
    assert cost.seconds(effort) == 27.0 and cost.seconds(effort, 0.5) == 13.5 and cost.money(effort) == pytest.approx(0.27)
    assert cost.seconds({}) == 5.0 and cost.seconds({"items": 0, "boxes": 1}) == 7.0
    assert build(spec(cost)) == cost


def test_every_kind_has_an_assumption_and_boxes_cost_what_the_scenes_say() -> None:
    assert set(ASSUMED) == set(KINDS)
    assert ASSUMED["detection"].seconds({"items": 1, "boxes": 3}) == 26.0 and ASSUMED["instance"].seconds({"items": 1, "instances": 2}) == 55.0


def test_costs_are_learnt_and_never_negative() -> None:
    rng = np.random.default_rng(0)
    efforts = [{"items": 1, "boxes": int(boxes), "clicks": int(rng.integers(9))} for boxes in rng.integers(0, 9, 200)]
    exact = [5.0 + 7.0 * effort["boxes"] for effort in efforts]
    assert learnt(efforts, exact, ["boxes"]) == LinearCost(pytest.approx(5.0), ("boxes",), (pytest.approx(7.0),))
    falling = [max(0.0, 30.0 - 2.0 * effort["boxes"]) for effort in efforts]
    found = learnt(efforts, falling, ["boxes", "clicks"], hourly=20.0)
    assert found.each[0] == 0.0 and found.fixed > 0 and found.hourly == 20.0
    assert learnt([{"items": 1}], [3.0], ["boxes"]) == LinearCost(3.0, ("boxes",), (0.0,))
    assert learnt([{"items": 1}] * 3, [0.0] * 3, []) == LinearCost(0.0)


@pytest.mark.parametrize(("efforts", "seconds"), [([], []), ([{}], [1.0, 2.0]), ([{}], [-1.0]), ([{"boxes": float("nan")}], [1.0])])
def test_records_that_are_none_are_refused(efforts: list, seconds: list) -> None:
    with pytest.raises(UsageError, match="recorded seconds"):
        learnt(efforts, seconds, ["boxes"])


@given(arrays(np.float64, (6, 3), elements=st.integers(0, 5).map(float)), arrays(np.float64, 6, elements=st.integers(0, 30).map(float)))
def test_no_other_non_negative_model_explains_more(a: np.ndarray, b: np.ndarray) -> None:
    """The optimum is where no gradient points inwards (Karush, Kuhn, Tucker)."""
    x = non_negative(a, b)
    gradient = a.T @ (a @ x - b)
    assert (x >= 0).all() and (gradient >= -1e-6).all() and abs(gradient @ x) < 1e-5
