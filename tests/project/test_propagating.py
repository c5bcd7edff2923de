"""Implied answers stand in the project's record, cost nothing and make no batch."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from querist.data.arrays import ArrayPool
from querist.project.oracles import Simulated
from querist.project.project import Project
from querist.project.propagating import BY, propagate
from querist.tasks import new_space
from querist.tasks.pair.propagation import Propagation

THINGS = 8
ENDS = {f"p{one}-{other}": (str(one), str(other)) for one, other in combinations(range(THINGS), 2)}
TRUTH = {item: int(one) // 4 == int(other) // 4 for item, (one, other) in ENDS.items()}
RULE = Propagation(ENDS)


def project(**settings: Any) -> Project:
    """Twenty-eight pairs of eight things, which are two."""
    x = np.random.default_rng(0).normal(size=(len(ENDS), 3)).astype(np.float32)
    chosen = {"method": "random", "learner": {"recipe": "mlp", "steps": 2}, "seed": 1, "initial": 6, "batch": 4, "budget": 14, **settings}
    return Project.create(":memory:", pool=ArrayPool(x, list(ENDS)), task=new_space("pair", []), **chosen)


def test_implied_answers_are_told_once_and_marked() -> None:
    made = project()
    made.tell("p0-1", True, by="ann")
    made.tell("p1-2", True, by="ann")
    told = propagate(made, RULE)
    assert told.told == 1 and not told.errors
    assert made.labels() == {"p0-1": True, "p0-2": True, "p1-2": True}
    (implied,) = made.history("p0-2")
    assert (implied.provenance, implied.annotator, implied.cost, implied.seconds) == (BY, BY, 0.0, 0.0)
    assert propagate(made, RULE).told == 0
    assert made.progress().answered == 2 and made.progress().fresh == 2, "no budget and no batch"


def test_a_revision_turns_what_it_implied() -> None:
    made = project()
    made.tell("p0-1", True, by="ann")
    made.tell("p1-2", True, by="ann")
    propagate(made, RULE)
    made.tell("p1-2", False, by="ann")
    assert propagate(made, RULE).revisions == 1 and made.labels()["p0-2"] is False


def test_a_person_who_contradicts_sends_the_item_to_review() -> None:
    made = project()
    made.tell("p0-1", True, by="ann")
    made.tell("p1-2", True, by="ann")
    propagate(made, RULE)
    made.tell("p0-2", False, by="ann")
    assert [row.item for row in made.review()] == ["p0-2"]


def test_a_simulated_project_pays_for_its_batches_and_learns_from_more() -> None:
    made = project()
    rounds = made.run(Simulated(TRUTH), after=lambda project: propagate(project, RULE))
    plain = project().run(Simulated(TRUTH))
    assert made.progress().answered == 14 == plain[-1].labels_used
    assert rounds[-1].labels_used > 14 and all(made.labels()[item] is TRUTH[item] for item in made.labels())
    paid = sum(row.provenance == "oracle" for row in made.history())
    assert paid == 14
