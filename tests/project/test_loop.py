"""The simulated loop, its oracles, and going on after an interruption."""

from __future__ import annotations

from collections import Counter

import pytest

from querist.core.errors import UsageError
from querist.core.records import Answer, Asked, Query
from querist.project.oracles import Noisy, Simulated
from querist.project.project import Project
from querist.testing.projects import ListPool, OrderRuntime, targets


def _project(path=":memory:", **more):
    return Project.create(path, pool=ListPool(60), **{"classes": ["cat", "dog"], "runtime": OrderRuntime.factory, "batch": 5, "budget": 30, "seed": 2, **more})


def _picks(project):
    return [project.ranking(r.n).ids for r in project.rounds()]


def test_equal_seeds_pick_equally_and_others_do_not():
    runs = []
    for seed in (2, 2, 3):
        with _project(seed=seed) as project:
            project.run(Simulated(targets(60)))
            runs.append((_picks(project), [digest for _, _, digest in project.store.snapshots()]))
    assert runs[0] == runs[1] and runs[0][0] != runs[2][0]


def test_a_run_that_was_cut_off_goes_on_as_if_it_had_not(tmp_path):
    class Cut(Exception):
        pass

    def cut(phase, fraction, extra):
        nonlocal calls
        calls += 1
        if calls == 5:
            raise Cut

    calls = 0
    path = tmp_path / "a.querist"
    with _project(path) as project, pytest.raises(Cut):
        project.run(Simulated(targets(60)), cut)
    with Project.open(path, pool=ListPool(60), runtime=OrderRuntime.factory) as project, _project() as whole:
        project.run(Simulated(targets(60)))
        whole.run(Simulated(targets(60)))
        assert _picks(project) == _picks(whole) and project.labels() == whole.labels()


def test_what_the_oracle_abstains_from_is_not_asked_again():
    known = {item: value for item, value in targets(60).items() if int(item[5:]) % 3}
    with _project(budget=None) as project:
        project.run(Simulated(known))
        assert project.labels() == known
        assert project.status()["rejected"] == 20


def test_an_oracle_may_not_answer_what_it_was_not_asked():
    class Chatty:
        def answer(self, query):
            yield Answer("item-999", "cat")

    with _project() as project, pytest.raises(UsageError, match="not asked"):
        project.run(Chatty())


def test_noise_is_a_property_of_the_item():
    items = tuple(targets(60))
    noisy = Noisy(Simulated(targets(60)), ("cat", "dog"), 0.3, items, seed=5)

    def say(ids):
        query = Query("q1", 0, "x", 0.0, 1.0, tuple(Asked(item, 0, None, "ranking", "") for item in ids))
        return {answer.item: answer.value for answer in noisy.answer(query)}

    told = say(items)
    wrong = Counter(told[item] != value for item, value in targets(60).items())[True]
    assert 8 <= wrong <= 28
    assert say(items[::-7]) == {item: told[item] for item in items[::-7]}
