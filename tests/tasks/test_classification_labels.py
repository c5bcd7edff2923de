"""The label space of classification: codec, validation, versions."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.contracts import LabelSpace
from querist.core.errors import LabelError, UsageError
from querist.tasks import label_space, new_space

names = st.lists(st.text(min_size=1).map(str.strip).filter(bool), min_size=2, max_size=8, unique=True)


@given(names, st.data())
def test_decode_inverts_encode_and_the_schema_rebuilds_the_space(classes, data):
    space = new_space("classification", classes)
    value = data.draw(st.sampled_from(classes))
    assert space.decode(space.encode(space.validate("x", value))) == value
    again = label_space(json.loads(json.dumps(space.schema())))
    assert again == space and isinstance(again, LabelSpace)


@given(names, st.data())
def test_ids_survive_any_change_of_names(classes, data):
    first = new_space("classification", classes)
    value = data.draw(st.sampled_from(classes))
    stored = first.encode(value)
    space = first
    changes = data.draw(st.integers(0, 4))
    for step in range(changes):
        victim = data.draw(st.sampled_from(space.names))
        space = data.draw(st.sampled_from([space.add([f"new {step}"]), space.rename(victim, f"other {step}")]))
    assert space.version == 1 + changes
    position = classes.index(value)
    assert space.decode(stored, 1) == space.classes[position].name
    assert first.decode(stored) == value


def test_a_retired_class_is_neither_given_nor_decoded_and_its_id_is_not_used_again():
    space = new_space("classification", ["cat", "dog", "eel"])
    stored = space.encode("eel")
    later = space.retire("eel").add(["eel"])
    assert later.names == ("cat", "dog", "eel")
    assert later.decode(stored) is None
    assert later.encode("eel") != stored
    assert space.retire("eel").schema()["version"] == 2


@pytest.mark.parametrize("value", ["cow", "", None, 1.5, True, ["cat"], float("nan")])
def test_a_value_that_is_no_class_is_refused_with_what_is_accepted(value):
    with pytest.raises(LabelError, match="cat, dog") as caught:
        new_space("classification", ["cat", "dog"]).validate("item-1", value)
    assert caught.value.item == "item-1"


def test_a_retired_name_is_refused_with_the_reason():
    with pytest.raises(LabelError, match="'eel' is retired"):
        new_space("classification", ["cat", "dog", "eel"]).retire("eel").validate("x", "eel")


def test_whole_numbers_mean_the_name_that_they_spell():
    space = new_space("classification", ["0", "1"])
    assert space.validate("x", np.int64(1)) == "1" and space.validate("x", 0) == "0"
    assert type(space.validate("x", np.str_("1"))) is str
    with pytest.raises(LabelError):
        space.validate("x", 2)


@pytest.mark.parametrize("classes", [[], ["one"], ["a", "a"], ["a", " a "], ["a", ""], "ab"])
def test_classes_must_be_two_distinct_names(classes):
    with pytest.raises(UsageError):
        new_space("classification", classes)


def test_changes_that_cannot_be_are_refused():
    space = new_space("classification", ["cat", "dog"])
    for change in (lambda: space.add([]), lambda: space.add(["cat"]), lambda: space.rename("cow", "x"), lambda: space.rename("cat", "dog")):
        with pytest.raises(UsageError):
            change()
    with pytest.raises(UsageError, match="two classes"):
        space.retire("cat")


@pytest.mark.parametrize("schema", [{}, {"kind": "painting"}, {"kind": "classification"}, {"kind": "classification", "version": 1, "classes": [{}]}])
def test_a_schema_that_does_not_hold_together_is_refused(schema):
    with pytest.raises(UsageError):
        label_space(schema)
