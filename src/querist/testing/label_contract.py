"""What the label space of every task kind promises. Free of torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from querist.core.contracts import LabelSpace
from querist.core.errors import LabelError, UsageError
from querist.tasks import label_space, new_space


class LabelContract:
    """Inherit, and override the fixtures."""

    @pytest.fixture
    def space(self) -> LabelSpace:
        """A label space of the kind."""
        raise pytest.UsageError("give the contract a `space` fixture")

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        """Some valid values in their normal form, at least one of each sort."""
        raise pytest.UsageError("give the contract a `values` fixture")

    @pytest.fixture
    def refused(self) -> Sequence[Any]:
        """Some values that make no sense."""
        raise pytest.UsageError("give the contract a `refused` fixture")

    def test_it_is_a_label_space(self, space: LabelSpace) -> None:
        assert isinstance(space, LabelSpace) and space.widget and space.version >= 1

    def test_values_round_trip(self, space: LabelSpace, values: Sequence[Any]) -> None:
        for value in values:
            text = space.encode(space.validate("item", value))
            assert space.decode(text) == value and space.decode(text, space.version) == value
            assert space.encode(space.decode(text)) == text, "one text for one value"

    def test_a_normal_form_is_json_and_its_own(self, space: LabelSpace, values: Sequence[Any]) -> None:
        for value in values:
            assert space.validate("item", value) == value
            assert space.validate("item", json.loads(json.dumps(value))) == value

    def test_schema_round_trips(self, space: LabelSpace, values: Sequence[Any]) -> None:
        again = label_space(json.loads(json.dumps(space.schema())))
        assert again == space and again.schema() == space.schema() and again.version == space.version
        assert [again.encode(value) for value in values] == [space.encode(value) for value in values]

    def test_refusals_name_the_item_and_what_is_wanted(self, space: LabelSpace, refused: Sequence[Any]) -> None:
        for value in refused:
            with pytest.raises(LabelError, match="item-7") as caught:
                space.validate("item-7", value)
            assert caught.value.wanted and caught.value.item == "item-7"
            assert caught.value.got is not None and caught.value.got[:199] == repr(value)[:199]

    def test_effort_counts_the_item_and_what_is_said(self, space: LabelSpace, values: Sequence[Any]) -> None:
        for value in values:
            effort: Mapping[str, float] = getattr(space, "effort")(value)  # noqa: B009
            assert effort["items"] == 1 and all(math.isfinite(count) and count >= 0 for count in effort.values())
            assert tuple(effort) == space.units

    def test_a_renamed_class_keeps_its_annotations(self, space: Any, values: Sequence[Any]) -> None:
        if not space.schema()["classes"]:
            pytest.skip("a kind without classes")
        old, stored = space.names[0], [space.encode(value) for value in values]
        later = space.rename(old, "another name entirely")
        assert later.version == space.version + 1 and later.names == ("another name entirely", *space.names[1:])
        assert [later.encode(later.decode(text, space.version)) for text in stored] == stored
        assert label_space(later.schema()) == later
        with pytest.raises(UsageError):
            later.rename(old, "x")

    def test_a_broken_schema_is_refused(self, space: LabelSpace) -> None:
        for broken in ({"kind": space.kind}, {**space.schema(), "version": "new"}, {**space.schema(), "kind": "painting"}):
            with pytest.raises(UsageError):
                label_space(broken)

    def test_an_unknown_option_is_refused(self, space: LabelSpace) -> None:
        with pytest.raises(UsageError, match="no option 'colour'"):
            new_space(space.kind, ["a", "b"], colour="red")
