"""Making a project: what is refused, imported, held out, persisted."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from querist.core.errors import LabelError, PoolError, UnknownItemError, UsageError
from querist.project.project import Project
from querist.testing.projects import ListPool, OrderRuntime


@dataclass(frozen=True)
class CountPool:
    """A pool that is its configuration."""

    n: int

    def ids(self):
        return [str(number) for number in range(self.n)]

    def load(self, item_id):
        return item_id

    def __len__(self):
        return self.n

    def fingerprint(self):
        return f"count-{self.n}"

    def extend(self, items=None):
        return []


def _create(pool=None, **more):
    return Project.create(":memory:", pool=ListPool(20) if pool is None else pool, **{"classes": ["cat", "dog"], "runtime": OrderRuntime.factory, **more})


@pytest.mark.parametrize(
    "wrong",
    [
        {"initial": 21}, {"budget": 21}, {"budget": 0}, {"budget": "many"}, {"budget": "9 a"}, {"batch": 0}, {"batch": 2.5}, {"target": 1.5}, {"rounds": 0},
        {"seed": -1}, {"on_empty": "stop"}, {"ttl": 0}, {"task": "painting"}, {"classes": None}, {"classes": ["cat"]},
    ],
)  # fmt: skip
def test_parameters_that_cannot_be_right(wrong):
    with pytest.raises(UsageError):
        _create(**wrong)


@pytest.mark.parametrize("ids", [[], ["a", "b", "a"], ["a", ""], ["a", 3]])
def test_pools_that_cannot_be(ids):
    class Raw(ListPool):
        def ids(self):
            return ids

    with pytest.raises(PoolError):
        _create(Raw([]))


def test_labels_that_exist_are_imported_and_never_asked():
    told = {"item-1": "cat", "item-2": "dog"}
    with _create(annotations=told, test={"item-0": "cat"}, initial=5, batch=3) as project:
        assert project.labels() == told and project.test() == {"item-0": "cat"}
        assert {note.provenance for note in project.history()} == {"imported"}
        assert not {"item-0", "item-1", "item-2"} & set(project.ask(20).ids)
        assert project.progress().answered == 0 and project.progress().fresh == 2
        assert project.update().labels_used == 2


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"annotations": {"item-1": "cow"}}, LabelError),
        ({"annotations": {"nowhere": "cat"}}, UnknownItemError),
        ({"annotations": {"item-1": "cat"}, "test": {"item-1": "cat"}}, LabelError),
        ({"test": {"item-1": "cow"}}, LabelError),
        ({"test_pool": ListPool(3)}, PoolError),
    ],
)
def test_imports_that_cannot_be(given, error):
    with pytest.raises(error):
        _create(**given)


def test_test_items_may_live_outside_the_pool():
    with _create(test={"t-1": "cat"}, test_pool=ListPool(["t-1"])) as project:
        assert project.status()["items"] == 20 and project.status()["test"] == 1


def test_a_pool_with_a_spec_is_rebuilt_when_needed(tmp_path):
    path = tmp_path / "a.querist"
    Project.create(path, pool=CountPool(30), classes=["cat", "dog"], batch=2).close()
    with Project.open(path, runtime=OrderRuntime.factory) as project:
        project.tell_many([(item, "cat") for item in project.ask(2).ids])
        assert project.update().n == 1 and project.pool == CountPool(30)


def test_a_pool_in_memory_must_be_given_and_be_the_same(tmp_path):
    path = tmp_path / "a.querist"
    Project.create(path, pool=ListPool(30), classes=["cat", "dog"]).close()
    with Project.open(path, runtime=OrderRuntime.factory) as project:
        project.tell("item-1", "cat")
        with pytest.raises(UsageError, match="live in memory"):
            project.update()
    with pytest.raises(PoolError, match="not the pool"):
        Project.open(path, pool=ListPool(31))
    with Project.open(path, pool=ListPool(30), runtime=OrderRuntime.factory) as project:
        assert project.update().n == 1


def test_extending_adds_what_is_new_and_ranks_it_next(tmp_path):
    with _create(ListPool(4), batch=2) as project:
        project.tell_many([("item-0", "cat"), ("item-1", "dog")])
        assert project.extend(["item-4", "item-5"]) == ["item-4", "item-5"]
        assert set(project.ask(10).ids) == {"item-2", "item-3", "item-4", "item-5"}
        project.release("q1")
        project.update()
        assert {"item-4", "item-5"} <= set(project.ranking().ids)


def test_quarantined_items_are_never_asked():
    with _create(quarantined={"item-3": "equal to a test item"}) as project:
        assert "item-3" not in project.ask(20).ids
        assert project.quarantined() == {"item-3": "equal to a test item"}
