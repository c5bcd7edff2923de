"""Budgets and reasons to stop."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.clock import ManualClock
from querist.core.errors import UsageError
from querist.data.arrays import ArrayPool
from querist.project.oracles import Simulated
from querist.project.project import Project
from querist.project.stopping import Budget, budget
from querist.tasks import new_space
from querist.testing.projects import ListPool, OrderRuntime, targets


def _project(**more):
    return Project.create(":memory:", pool=ListPool(40), **{"classes": ["cat", "dog"], "runtime": OrderRuntime.factory, "batch": 4, **more})


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, Budget()), (500, Budget(500)), ("500", Budget(500)), ("50 labels", Budget(50)), ("40h", Budget(hours=40.0)), (" 1.5 h", Budget(hours=1.5)),
        ("1200EUR", Budget(amount=1200.0, unit="EUR")), ("99.5 USD", Budget(amount=99.5, unit="USD")), ("5000 tokens", Budget(amount=5000.0, unit="tokens")),
    ],
)  # fmt: skip
def test_budgets_that_can_be_read(given, read):
    assert budget(given) == read


@pytest.mark.parametrize("given", ["", "-5", "0", "0h", "h", "1200 Eur", "0EUR", "tokens", "1.5 tokens", 1.5, True])
def test_budgets_that_cannot(given):
    with pytest.raises(UsageError):
        budget(given)


def test_hours_are_the_active_time_of_all_annotators():
    clock = ManualClock()
    with _project(budget="0.01h", clock=clock) as project:
        for by in ("ann", "bob"):
            item = project.ask(1, by=by).ids[0]
            clock.advance(17.9)
            project.tell(item, "cat", by=by)
            assert not project.done()
        project.tell("item-1", "cat", by="ann", seconds=1.0)
        assert project.done() == ("budget: 0.0 of 0.01 hours",)


def test_target_and_rounds():
    with _project(target=0.5) as project:
        assert [r.n for r in project.run(Simulated(targets(40)))] == [0, 1]
        assert project.done() == ("target: accuracy 0.5000 of 0.5",)
    with _project(rounds=2) as project:
        assert [r.labels_used for r in project.run(Simulated(targets(40)))] == [0, 4, 8]


def test_a_pool_is_used_up_and_everything_is_trained_on():
    with _project() as project:
        assert project.run(Simulated(targets(40)))[-1].labels_used == 40
        assert project.done() == ("pool: nothing is left to ask",)


def test_a_budget_that_is_no_multiple_of_the_batch_is_met_exactly():
    with _project(budget=11, initial=5) as project:
        assert [r.labels_used for r in project.run(Simulated(targets(40)))] == [0, 5, 9, 11]


def test_money_is_what_answers_were_told_to_cost():
    with _project(budget="2.5EUR", annotations=[{"item": "item-9", "value": "cat", "cost": 100.0}]) as project:
        project.tell("item-1", "cat", cost=1.0)
        project.tell("item-2", "cat", cost=1.0)
        project.tell("item-3", "cat")
        assert not project.done() and project.status()["spent"] == {"EUR": 2.0}
        project.tell("item-1", "dog", by="bob", cost=0.5)
        assert project.done() == ("budget: 2.5 of 2.5 EUR",)


def test_units_of_effort_are_those_of_the_task():
    pool = ArrayPool(np.array(["a b c", "d e", "f g h i"]), ["x", "y", "z"])
    with Project.create(":memory:", pool=pool, task=new_space("tagging", ["P"]), runtime=OrderRuntime.factory, batch=1, budget="5 tokens") as project:
        project.tell("x", ["B-P", "I-P", None])
        project.tell("y", ["O", "O"])
        assert not project.done() and project.status()["spent"] == {"tokens": 4}
        project.tell("y", ["O", "B-P"])
        assert project.status()["spent"] == {"tokens": 4}, "a revision says the same tokens again"
        project.tell("y", ["O", "B-P"], by="ann")
        assert project.done() == ("budget: 6 of 5 tokens",)
    with pytest.raises(UsageError, match="items, tokens, spans"):
        Project.create(":memory:", pool=pool, task=new_space("tagging", ["P"]), runtime=OrderRuntime.factory, budget="5 boxes")
    with pytest.raises(UsageError, match="counted in tokens"):
        _project(budget="500 tokens")
