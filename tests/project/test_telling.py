"""The training view when annotators disagree, revise, or classes change."""

from __future__ import annotations

import pytest

from querist.core.errors import UsageError
from querist.project.project import Project
from querist.testing.projects import ListPool, OrderRuntime


@pytest.fixture
def project(tmp_path):
    with Project.create(tmp_path / "a.querist", pool=ListPool(20), classes=["cat", "dog", "eel"], runtime=OrderRuntime.factory) as made:
        yield made


def test_majority_counts_the_latest_word_of_each(project):
    for by, value in (("ann", "cat"), ("bob", "dog"), ("carl", "dog"), ("bob", "cat")):
        project.tell("item-1", value, by=by)
    assert project.labels() == {"item-1": "cat"} and project.review() == []


def test_a_tie_is_left_out_and_reviewed_until_somebody_decides(project):
    project.tell("item-1", "cat", by="ann")
    project.tell("item-1", "dog", by="bob")
    assert project.labels() == {}
    (review,) = project.review()
    assert (review.item, review.reason, dict(review.votes)) == ("item-1", "tie", {"ann": "cat", "bob": "dog"})
    project.tell("item-1", "dog", by="carl")
    assert project.labels() == {"item-1": "dog"}


def test_a_rename_reaches_old_annotations_but_not_what_was_said(project):
    project.tell("item-1", "cat")
    project.rename_class("cat", "lion")
    assert project.labels() == {"item-1": "lion"}
    assert [note.value for note in project.history()] == ["cat"]
    assert project.tell("item-2", "lion").schema_version == 2


def test_a_retired_class_goes_to_review(project):
    project.tell("item-1", "eel", by="ann")
    project.tell("item-2", "eel", by="ann")
    project.tell("item-2", "dog", by="bob")
    project.retire_class("eel")
    assert project.labels() == {"item-2": "dog"}
    assert [(review.item, review.reason) for review in project.review()] == [("item-1", "retired")]


def test_classes_changed_elsewhere_are_noticed_before_a_value_is_stored(project, tmp_path):
    project.tell("item-1", "cat")
    with Project.open(tmp_path / "a.querist") as other:
        other.rename_class("cat", "dog 2")
        other.rename_class("dog", "cat")  # the name now means another class
    told = project.tell("item-2", "cat")
    assert told.schema_version == 3 and project.labels() == {"item-1": "dog 2", "item-2": "cat"}


def test_the_order_of_telling_does_not_enter_the_view(project):
    project.tell_many([("item-10", "cat"), ("item-2", "dog"), ("item-1", "eel")])
    assert list(project.labels().items()) == [("item-1", "eel"), ("item-2", "dog"), ("item-10", "cat")]


@pytest.mark.parametrize("row", ["item-1", "xy", ("item-1",), {"item": "item-1"}, (1, "cat"), {"item": "item-1", "value": "cat", "colour": 1}])
def test_a_row_of_another_form_is_refused_and_nothing_is_stored(project, row):
    with pytest.raises(UsageError):
        project.tell_many([("item-2", "cat"), row])
    assert project.labels() == {}


def test_a_query_must_be_one(project):
    with pytest.raises(UsageError, match="query"):
        project.tell("item-1", "cat", query="nonsense")
    with pytest.raises(UsageError, match="query"):
        project.release("17")
