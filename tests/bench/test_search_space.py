"""The tunable settings of a recipe: what there is, what is drawn, and what it makes of a learner."""

from __future__ import annotations

import numpy as np
import pytest

from querist.assemble.parts import learner
from querist.bench.search_space import Dimension, applied, grid, own, space
from querist.core.errors import UsageError
from querist.learn.schemes.supervised import Steps


def test_a_recipe_offers_what_its_fields_allow():
    made = learner({"recipe": "mlp"}, "random")
    dimensions = {dimension.name: dimension for dimension in space(made)}
    assert list(dimensions) == ["rate", "weight_decay", "smoothing", "dropout", "steps"]
    assert (dimensions["rate"].own, dimensions["rate"].low, dimensions["rate"].high) == pytest.approx((0.004, 0.0008, 0.02))
    assert dimensions["dropout"].own == 0.3 and dimensions["steps"].own == 1.0
    assert applied(made, own(list(dimensions.values()))) == made, "the recipe's own settings change nothing"
    twins = learner({"recipe": "mlp", "scheme": "twins"}, "random")
    changed = applied(twins, {"rate": 0.5, "steps": 2.0, "dropout": 0.0})
    assert (changed.scheme.inner.rate, changed.scheme.steps, changed.network.dropout) == (0.5, Steps(0.6, 400, 1200), 0.0)


def test_draws_lie_within_and_follow_the_stream():
    one = Dimension("rate", 0.01, low=1e-4, high=1e-1)
    drawn = [one.draw(np.random.default_rng(seed)) for seed in range(300)]
    assert min(drawn) >= 1e-4 and max(drawn) <= 1e-1
    assert 0.4 < np.mean(np.array(drawn) < 10**-2.5) < 0.6, "evenly in the logarithm"
    assert one.draw(np.random.default_rng(3)) == drawn[3]
    assert {Dimension("steps", 1, choices=(0.5, 2.0)).draw(np.random.default_rng(seed)) for seed in range(20)} == {0.5, 2.0}


def test_ranges_of_ones_own_and_a_grid():
    made = learner({"recipe": "mlp"}, "random")
    dimensions = space(made, ("rate=0.001..0.1", "dropout=0,0.5"))
    assert list(grid(dimensions)) == [{"rate": rate, "dropout": rate_of_dropout} for rate in (0.001, 0.01, 0.1) for rate_of_dropout in (0.0, 0.5)]


@pytest.mark.parametrize("over", [("momentum",), ("rate=1..0.1",), ("rate=0..1",), ("dropout=a,b",), ("rate", "rate=1e-3..1e-2")])
def test_what_cannot_be_searched_is_refused(over):
    with pytest.raises(UsageError):
        space(learner({"recipe": "mlp"}, "random"), over)
