"""The verbs of a project on a real SQLite file, with a small deterministic runtime."""

from __future__ import annotations

import pytest

from querist.core.errors import UsageError
from querist.project.oracles import Simulated
from querist.project.project import Project
from querist.testing.projects import ListPool, OrderRuntime, targets


@pytest.fixture
def project(tmp_path):
    with Project.create(tmp_path / "a.querist", pool=ListPool(60), classes=["cat", "dog"], runtime=OrderRuntime.factory, batch=5, initial=5, budget=20) as made:
        yield made


def test_ask_works_at_once_and_tell_reaches_the_training_view(project):
    query = project.ask(3, by="ann")
    assert len(query) == 3 and {asked.source for asked in query.items} == {"ranking"}
    project.tell(query.ids[0], "cat", by="ann")
    assert project.labels() == {query.ids[0]: "cat"}


def test_run_spends_exactly_the_budget_and_ends_with_a_model_of_every_label(project):
    rounds = project.run(Simulated(targets(60)))
    assert [r.labels_used for r in rounds] == [0, 5, 10, 15, 20]
    assert project.done() == ("budget: 20 of 20 labels",)
    assert project.verify_chain() is None


@pytest.mark.parametrize("k", [0, -1, 2.5, True, "3"])
def test_a_k_that_is_no_count_is_refused(project, k):
    with pytest.raises(UsageError, match="whole number"):
        project.ask(k)
