"""Where asked items come from when a ranking runs out."""

from __future__ import annotations

from collections import Counter

import pytest

from querist.core.clock import ManualClock
from querist.core.errors import UsageError
from querist.project.project import Project
from querist.testing.projects import ListPool, OrderRuntime


def _project(n=400, **more):
    given = {"classes": ["cat", "dog"], "batch": 2, "runtime": OrderRuntime.factory, "clock": ManualClock(), **more}
    return Project.create(":memory:", pool=ListPool(n), **given)


def test_batch_then_reserve_then_random():
    with _project() as project:
        query = project.ask(30, by="ann")
        assert Counter(asked.source for asked in query.items) == {"ranking": 2, "reserve": 20, "random": 8}
        assert [asked.rank for asked in query.items] == [*range(22), *[-1] * 8]
        assert query.ids[:22] == project.ranking().ids


def test_waiting_gives_fewer_once_a_model_has_ranked():
    with _project(on_empty="wait") as project:
        project.tell_many([(item, "cat") for item in project.ask(2).ids])
        project.update()
        assert [asked.source for asked in project.ask(30).items] == ["ranking"] * 2 + ["reserve"] * 20


def test_random_fills_are_distinct_spread_and_repeatable():
    def fill(seed):
        with _project(seed=seed) as project:
            project.ask(22, by="ann")
            return project.ask(100, by="bob").ids

    first = fill(1)
    assert len(set(first)) == 100 and first == fill(1) != fill(2)
    places = [int(item.removeprefix("item-")) for item in first]
    assert 0.3 * 400 < sum(places) / 100 < 0.7 * 400


def test_a_pool_nearly_used_up_is_still_found():
    with _project(3000) as project:
        project.tell_many([(f"item-{number}", "cat") for number in range(2990)])
        assert set(project.ask(20).ids) == {f"item-{number}" for number in range(2990, 3000)}
        assert project.ask(1, by="bob").ids == ()


def test_a_used_up_ranking_makes_an_update_due():
    with _project(batch=50, initial=2) as project:
        project.tell_many([(item, "cat") for item in project.ask(2).ids])
        assert project.should_update()
        project.update()
        project.tell(project.ask(1).ids[0], "dog")
        assert not project.should_update()
        for place, item in enumerate(project.ranking().ids):
            if place % 3:
                project.skip(item, again=False)
        project.ask(550)
        assert project.should_update()


@pytest.mark.parametrize("ttl", [0, -5.0])
def test_a_lease_must_last(ttl):
    with _project() as project, pytest.raises(UsageError, match="lease"):
        project.ask(1, ttl=ttl)


def test_round_zero_does_not_depend_on_the_order_of_the_pool():
    ids = [f"item-{number}" for number in range(50)]
    rankings = []
    for order in (ids, ids[::-1]):
        with Project.create(":memory:", pool=ListPool(order), classes=["cat", "dog"], seed=4) as project:
            rankings.append(project.ranking().ids)
    assert rankings[0] == rankings[1]
