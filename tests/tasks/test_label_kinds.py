"""The label spaces of the further kinds: codecs on drawn values, what a change of classes does, what saying it takes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from querist.core.errors import LabelError, UsageError
from querist.tasks import label_space, new_space
from querist.tasks.dense.runs import NOBODY, corners, to_positions, to_runs
from querist.tasks.instance.rle import area, box_of, to_counts, to_mask

pytestmark = pytest.mark.torchless

NAMES = ["cat", "dog", "eel"]
finite = st.floats(allow_nan=False, allow_infinity=False)
label = st.sampled_from(NAMES)
box = st.tuples(st.floats(0, 50), st.floats(0, 50), st.floats(0.5, 50), st.floats(0.5, 50)).map(lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]])
sizes = st.one_of(st.tuples(st.integers(1, 5), st.integers(1, 5)), st.tuples(*[st.integers(1, 3)] * 3))
maps = sizes.flatmap(lambda size: arrays(np.uint8, size, elements=st.sampled_from([0, 1, 2, NOBODY])))
masks = sizes.flatmap(lambda size: arrays(np.bool_, size))
VALUES = {
    "multi_output": st.dictionaries(label, st.booleans(), min_size=1),
    "regression": st.dictionaries(label, finite, min_size=1),
    "tagging": st.lists(st.sampled_from(["O", None, "B-cat", "B-dog"]), min_size=1).filter(any),
    "dense": maps.filter(lambda m: (m != NOBODY).any()).map(lambda m: to_runs(m, NAMES)),
    "detection": st.lists(st.fixed_dictionaries({"box": box, "label": label}), max_size=4),
    "instance": masks.filter(np.any).map(lambda m: [{"box": box_of(m), "label": "dog", "mask": to_counts(m)}]),
    "pair": st.booleans(),
    "link": st.lists(label, unique=True),
    "sequence": st.lists(st.text(min_size=1), min_size=1, unique=True),
}


@pytest.mark.parametrize("kind", VALUES)
@given(data=st.data())
def test_decode_inverts_encode(kind: str, data: st.DataObject) -> None:
    space = new_space(kind, NAMES if kind not in ("pair", "sequence") else ())
    value = space.validate("x", data.draw(VALUES[kind]))
    assert space.decode(space.encode(value)) == value
    again = label_space(json.loads(json.dumps(space.schema())))
    assert again == space and again.decode(space.encode(value), 1) == value


@given(maps)
def test_runs_hold_a_map(positions: np.ndarray) -> None:
    value = to_runs(positions, NAMES)
    np.testing.assert_array_equal(to_positions(value, NAMES), positions)
    assert all(before[0] != after[0] for before, after in zip(value["runs"], value["runs"][1:], strict=False))


@given(masks)
def test_run_lengths_hold_a_mask(mask: np.ndarray) -> None:
    value = to_counts(mask)
    np.testing.assert_array_equal(to_mask(value), mask)
    assert area(value) == mask.sum() and all(length > 0 for length in value["counts"][1:])


def test_run_lengths_go_down_the_columns_as_coco_has_them() -> None:
    assert to_counts(np.array([[0, 1], [1, 1], [0, 0]])) == {"size": [3, 2], "counts": [1, 1, 1, 2, 1]}
    assert to_counts(np.ones((2, 2))) == {"size": [2, 2], "counts": [0, 4]}
    assert box_of(np.array([[0, 0, 0], [0, 1, 1]])) == [1.0, 1.0, 3.0, 2.0]


def test_corners_are_the_vertices_of_outlines() -> None:
    flat = np.zeros((6, 6), dtype=np.uint8)
    assert corners(flat) == 4, "the frame"
    square = flat.copy()
    square[1:3, 1:4] = 1
    assert corners(square) == 8
    ell = square.copy()
    ell[3, 1] = 1
    assert corners(ell) == 10
    halves = flat.copy()
    halves[:, 3:] = 1
    assert corners(halves) == 6 and corners(np.stack([flat, square])) == 12


def test_normal_forms() -> None:
    multi = new_space("multi_output", NAMES)
    assert multi.validate("x", ["dog"]) == {"cat": False, "dog": True, "eel": False}
    assert multi.validate("x", {"eel": np.True_, "cat": None}) == {"eel": True}
    assert new_space("regression", ["age"]).validate("x", {"age": np.float32(2)}) == 2.0
    assert list(new_space("regression", ["x", "y"]).validate("x", {"y": 1, "x": None})) == ["y"]
    runs = {"size": (1, 4), "runs": [("cat", 1), ("cat", 2), ("dog", 0), ("dog", 1)]}
    assert new_space("dense", NAMES).validate("x", runs) == {"size": [1, 4], "runs": [["cat", 3], ["dog", 1]]}
    bare = {"label": "cat", "mask": {"size": [2, 3], "counts": [2, 2, 2]}}
    assert new_space("instance", NAMES).validate("x", [bare])[0]["box"] == [1.0, 0.0, 2.0, 2.0]
    assert new_space("link", NAMES).validate("x", {"eel", "cat"}) == ["cat", "eel"]
    assert new_space("sequence").validate("x", "word") == ["word"]
    assert new_space("pair").validate("x", 1) is True and new_space("pair").validate("x", np.False_) is False
    assert new_space("detection", NAMES).validate("x", ({"box": (0, 0, 1, 2), "label": "cat"},)) == [{"box": [0.0, 0.0, 1.0, 2.0], "label": "cat"}]


GONE = {
    "multi_output": ({"cat": True, "eel": True}, {"cat": True}, {"eel": False}, None),
    "regression": ({"cat": 1.0, "eel": 2.0}, {"cat": 1.0}, {"eel": 3.0}, None),
    "tagging": (["O", "B-cat", "B-eel"], ["O", "B-cat", None], ["B-eel"], None),
    "dense": (
        {"size": [1, 4], "runs": [["cat", 1], ["eel", 1], [None, 2]]}, {"size": [1, 4], "runs": [["cat", 1], [None, 3]]},
        {"size": [1, 1], "runs": [["eel", 1]]}, None,
    ),
    "detection": (
        [{"box": [0.0, 0.0, 1.0, 1.0], "label": "eel"}, {"box": [0.0, 0.0, 2.0, 2.0], "label": "dog"}], [{"box": [0.0, 0.0, 2.0, 2.0], "label": "dog"}],
        [{"box": [0.0, 0.0, 1.0, 1.0], "label": "eel"}], [],
    ),
    "link": (["cat", "eel"], ["cat"], ["eel"], []),
}  # fmt: skip


@pytest.mark.parametrize("kind", GONE)
def test_what_was_said_with_a_retired_class(kind: str) -> None:
    space, (some, left, only, nothing) = new_space(kind, NAMES), GONE[kind]
    texts = [space.encode(space.validate("x", value)) for value in (some, only)]
    later = space.retire("eel")
    assert [later.decode(text, 1) for text in texts] == [left, nothing]
    assert later.names == ("cat", "dog") and [space.decode(text) for text in texts] == [some, only]
    with pytest.raises(LabelError, match="'eel' is retired"):
        later.validate("x", some)


def test_more_labels_leave_old_answers_partial() -> None:
    space = new_space("multi_output", ["cat", "dog"])
    later = space.add(["eel"])
    assert later.decode(space.encode({"cat": True, "dog": False})) == {"cat": True, "dog": False}
    assert later.validate("x", {"eel": True}) == {"eel": True}


def test_slots_share_and_keep_their_classes() -> None:
    space = new_space("multi_output", list("012"), slots=["first", "second"])
    assert space.choices == {"first": ("0", "1", "2"), "second": ("0", "1", "2")}
    later = space.add(["3"]).rename("0", "zero").retire("1")
    assert later.choices == {"first": ("zero", "2", "3"), "second": ("zero", "2", "3")}
    assert later.decode(space.encode({"first": "0", "second": "1"})) == {"first": "zero"}
    mixed = new_space("multi_output", slots={"colour": ["red", "blue"], "broken": []})
    with pytest.raises(UsageError, match="'colour' needs two"):
        mixed.retire("red")
    for slots in ({"colour": ["red"]}, ["a", "a"], {"": []}):
        with pytest.raises(UsageError):
            new_space("multi_output", ["x", "y"] if isinstance(slots, list) else (), slots=slots)


def test_numbers_need_ranges() -> None:
    space = new_space("regression", ["x"], low=0, high=2)
    later = space.add(["y"], low=-1, high=[1])
    assert later.ranges == {"x": (0.0, 2.0), "y": (-1.0, 1.0)} and later.retire("x").ranges == {"y": (-1.0, 1.0)}
    assert later.decode(space.encode(1.5)) == {"x": 1.5} and later.retire("x").decode(later.encode({"y": 0.5})) == 0.5
    for options in ({"low": 1, "high": 1}, {"low": [0, 0]}, {"high": float("inf")}, {"form": "shapes"}, {"form": "points"}):
        with pytest.raises(UsageError):
            new_space("regression", ["x"], **options)
    with pytest.raises(UsageError, match="range"):
        space.add(["z"])
    with pytest.raises(UsageError, match="point"):
        new_space("regression", ["a.x", "a.y"], form="points").retire("a.x")


@pytest.mark.parametrize(
    ("kind", "options"),
    [("tagging", {"scheme": "IOB1"}), ("tagging", {"scheme": "plain"}), ("dense", {}), ("link", {}), ("pair", {}), ("sequence", {}), ("detection", {})],
)
def test_classes_that_do_not_suit_the_kind_are_refused(kind: str, options: dict) -> None:
    for classes in ([""], ["a", "a"], "ab", ["x"] if kind not in ("detection", "tagging") or options.get("scheme") == "plain" else ["x", "x "]):
        with pytest.raises(UsageError):
            new_space(kind, classes, **options)


def test_too_many_classes_for_a_map() -> None:
    with pytest.raises(UsageError, match="too many"):
        new_space("dense", [str(number) for number in range(255)])


def test_effort() -> None:
    assert new_space("classification", NAMES).effort("cat") == {"items": 1}
    assert new_space("multi_output", NAMES).effort({"cat": True, "dog": False}) == {"items": 1, "slots": 2}
    assert new_space("regression", NAMES).effort({"cat": 1.0}) == {"items": 1, "numbers": 1}
    assert new_space("regression", ["x"]).effort(1.0) == {"items": 1, "numbers": 1}
    assert new_space("tagging", NAMES).effort(["O", "B-cat", "I-cat", None]) == {"items": 1, "tokens": 3, "spans": 1}
    assert new_space("dense", NAMES).effort({"size": [2, 2], "runs": [["cat", 3], [None, 1]]}) == {"items": 1, "pixels": 3, "clicks": 7}
    boxes = [{"box": [0.0, 0.0, 1.0, 1.0], "label": "cat"}] * 2
    assert new_space("detection", NAMES).effort(boxes) == {"items": 1, "boxes": 2, "clicks": 4}
    objects = [{"box": [0.0, 0.0, 1.0, 2.0], "label": "cat", "mask": {"size": [2, 2], "counts": [0, 2, 2]}}]
    assert new_space("instance", NAMES).effort(objects) == {"items": 1, "instances": 1, "pixels": 2}
    assert new_space("link", NAMES).effort(["cat"]) == {"items": 1, "tails": 1}
    assert new_space("sequence").effort(["ab", "c"]) == {"items": 1, "texts": 2, "characters": 3}
