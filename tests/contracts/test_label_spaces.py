"""Every task kind's label space keeps the label contract. Runs without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from querist.core.contracts import LabelSpace
from querist.tasks import KINDS, new_space
from querist.testing.label_contract import LabelContract

pytestmark = pytest.mark.torchless

BOX = {"box": [0.0, 1.5, 4.0, 3.0], "label": "cat"}
MASK = {"size": [2, 3], "counts": [1, 2, 3]}
OBJECT = {"box": [0.0, 0.0, 2.0, 2.0], "label": "cat", "mask": MASK}
CUBE = {"box": [0.0, 0.0, 0.0, 2.0, 1.0, 1.0], "label": "dog", "mask": {"size": [1, 1, 2], "counts": [0, 2]}}
MAP = {"size": [2, 3], "runs": [["cat", 2], [None, 1], ["dog", 3]]}

CASES: dict[str, tuple[LabelSpace, list[Any], list[Any]]] = {
    "classification": (new_space("classification", ["cat", "dog", "7"]), ["cat", "dog", "7"], ["Cat", "", None, 0, 1.0, True, ["cat"], {"cat": 1}]),
    "multi_output": (
        new_space("multi_output", ["cat", "dog", "eel"]),
        [{"cat": True, "dog": False, "eel": False}, {"dog": True}],
        ["cat", None, {}, {"cow": True}, {"cat": "yes"}, {"cat": 1}, {"cat": None}, ["cow"], [True], 3],
    ),
    "multi_output slots": (
        new_space("multi_output", slots={"colour": ["red", "blue"], "size": ["small", "large", "red"], "broken": []}),
        [{"colour": "red", "size": "red", "broken": False}, {"size": "large"}, {"broken": True}],
        [{"colour": "small"}, {"colour": True}, {"broken": "red"}, {"weight": "small"}, {"colour": None}, ["red"], [], math.nan],
    ),
    "regression": (
        new_space("regression", ["x", "y"], low=[0, -5], high=[10, 5]),
        [{"x": 1.25, "y": -5.0}, {"y": 0.1}, {"x": 30.0}],
        [1.0, {}, {"x": None}, {"z": 1.0}, {"x": math.nan}, {"x": "1"}, {"x": True}, [1.0, 2.0], None],
    ),
    "regression of one": (new_space("regression", ["age"], low=0, high=100), [7.0, 0.1, -1e9], ["7", True, math.inf, {"size": 1.0}, {}, None, [3.0]]),
    "tagging": (
        new_space("tagging", ["PER", "LOC"]),
        [["O", "B-PER", "I-PER", None, "O"], ["B-LOC"], [None, "I-PER", "B-PER"]],
        ["O", [], [None], ["I-PER"], ["B-PER", "I-LOC"], ["O", "I-LOC"], ["PER"], ["B-CAT"], [1], {"O": 1}, None],
    ),
    "tagging as BIOES": (
        new_space("tagging", ["PER", "LOC"], scheme="BIOES"),
        [["S-PER", "O", "B-LOC", "I-LOC", "E-LOC"], ["B-PER", None], [None, "E-PER"]],
        [["B-PER"], ["B-PER", "O"], ["E-PER"], ["S-PER", "I-PER"], ["B-PER", "E-LOC"], ["B-PER", "B-PER", "E-PER"]],
    ),
    "tagging with plain classes": (new_space("tagging", ["noun", "B-word", "O"], scheme="plain"), [["noun", None, "B-word", "O"]], [["B-noun"], [None]]),
    "dense": (
        new_space("dense", ["cat", "dog"]),
        [MAP, {"size": [1, 1], "runs": [["dog", 1]]}, {"size": [2, 1, 2], "runs": [[None, 3], ["cat", 1]]}],
        [None, [], {"size": [2, 3]}, {**MAP, "size": [2, 2]}, {**MAP, "size": [6]}, {"size": [0, 1], "runs": []}, {"size": [1, 1], "runs": [["cow", 1]]},
         {"size": [1, 1], "runs": [[None, 1]]}, {"size": [1, 1], "runs": [["cat", -1], ["cat", 2]]}, {"size": [1, 1], "runs": [["cat", 1.0]]},
         {"size": [1, 1], "runs": ["cat"]}, {**MAP, "more": 1}],
    ),
    "detection": (
        new_space("detection", ["cat", "dog"]),
        [[], [BOX], [BOX, {**BOX, "label": "dog"}, BOX]],
        [None, "cat", {}, [{}], [{"box": BOX["box"]}], [{**BOX, "label": "cow"}], [{**BOX, "label": 0}], [{**BOX, "box": [0, 0, 0, 1]}],
         [{**BOX, "box": [0, 0, 1]}], [{**BOX, "box": [0, 0, math.nan, 1]}], [{**BOX, "box": [0, 0, True, 1]}], [{**BOX, "score": 1}], [[0, 0, 1, 1]]],
    ),
    "instance": (
        new_space("instance", ["cat", "dog"]),
        [[], [OBJECT], [OBJECT, {**OBJECT, "label": "dog"}], [CUBE]],
        [None, [BOX], [{**OBJECT, "label": "cow"}], [{**OBJECT, "mask": {"size": [2, 3], "counts": [6]}}],
         [{**OBJECT, "mask": {"size": [2, 3], "counts": [1, 2]}}],
         [{**OBJECT, "mask": {"size": [2, 3], "counts": [1, -1, 6]}}], [{**OBJECT, "mask": None}], [OBJECT, CUBE], [{**CUBE, "box": BOX["box"]}]],
    ),
    "pair": (new_space("pair"), [True, False], ["true", 2, 1.0, None, [True], {}]),
    "link": (new_space("link", ["ann", "bob", "cid"]), [[], ["ann"], ["ann", "cid"]], ["ann", None, ["dan"], ["ann", "ann"], [0], {"ann": True}]),
    "sequence": (new_space("sequence"), [["a"], ["one answer", "another, ünïcode"]], ["", [], None, 3, [""], ["a", "a"], [1], {"a": 1}]),
    "sequence of digits": (new_space("sequence", alphabet="0123456789", longest=3), [["007"], ["1", "2"]], ["1234", "12a", ["1", "x"]]),
}  # fmt: skip


def test_every_kind_is_here() -> None:
    assert {space.kind for space, _, _ in CASES.values()} == set(KINDS), "give the new kind its cases above"


class TestLabels(LabelContract):
    @pytest.fixture(params=CASES)
    def case(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def space(self, case: str) -> LabelSpace:
        return CASES[case][0]

    @pytest.fixture
    def values(self, case: str) -> Sequence[Any]:
        return CASES[case][1]

    @pytest.fixture
    def refused(self, case: str) -> Sequence[Any]:
        return CASES[case][2]
