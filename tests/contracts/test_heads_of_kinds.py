"""Every task kind keeps the contract of heads, with a network of the kind and labels of every sort."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from querist.assemble.parts import learner
from querist.nets.slots import SlotCNN
from querist.nets.tokens import TokenGrams
from querist.tasks import new_space
from querist.tasks.heads import HEADS
from querist.testing.head_contract import Case, HeadContract

N, SIDE = 5, 32
TEXTS = ["Ann lives in Rome", "no", "bonn , bern", "Ann Bern", "4129 in x"]


def vectors(*shape: int) -> torch.Tensor:
    return torch.randn(N, *shape, generator=torch.Generator().manual_seed(3))


def recipe(name: str) -> Any:
    return learner({"recipe": name}, "random").network


def maps() -> list[Any]:
    rows = np.random.default_rng(0).integers(0, 3, size=(N, SIDE // 8))
    names = ["ground", "cat", None]
    return [{"size": [SIDE, SIDE], "runs": [[names[place], 8 * SIDE] for place in row]} for row in rows]


def boxes(masks: bool) -> list[Any]:
    one = {"box": [4.0, 4.0, 12.0, 14.0], "label": "cat"}
    other = {"box": [16.0, 10.0, 30.0, 28.0], "label": "dog"}
    if masks:
        for value in (one, other):
            mask = np.zeros((SIDE, SIDE), dtype=bool)
            x1, y1, x2, y2 = (int(side) for side in value["box"])  # type: ignore[union-attr]
            mask[y1:y2, x1:x2] = True
            from querist.tasks.instance.rle import to_counts

            value["mask"] = to_counts(mask)  # type: ignore[assignment]
    return [[one], [], [one, other], [other], [other]]


def tokens() -> torch.Tensor:
    return torch.from_numpy(TokenGrams(length=8).open([])(TEXTS))


TAGS = [["B-P", "O", "O", "B-L"], ["O"], ["B-L", None, "B-L"], ["B-P", "I-P"], [None, "O", "O"]]
MAKERS: dict[str, Callable[[], Case]] = {
    "classification": lambda: Case(new_space("classification", ["a", "b", "c"]).schema(), list("abcab"), recipe("mlp"), vectors(6)),
    "multi_output": lambda: Case(
        new_space("multi_output", ["a", "b"]).schema(), [{"a": True}, {"a": False, "b": True}, {"b": False}, {"a": True, "b": True}, {"b": True}],
        recipe("mlp"), vectors(6),
    ),
    "multi_output slots": lambda: Case(
        new_space("multi_output", ["x", "y", "z"], slots=["first", "second"]).schema(),
        [{"first": "x"}, {"second": "z"}, {"first": "y", "second": "y"}, {"first": "z"}, {"second": "x"}], SlotCNN(slots=2), vectors(1, 8, 16),
    ),
    "regression": lambda: Case(
        new_space("regression", ["u", "v"], low=0, high=10, noise=True).schema(), [{"u": 1.0}, {"u": 3.0, "v": 4.0}, {"v": 9.0}, {"u": 7.0}, {"v": 1.0}],
        recipe("mlp"), vectors(6),
    ),
    "regression points": lambda: Case(
        new_space("regression", ["a.x", "a.y"], low=0, high=SIDE, form="points").schema(),
        [{"a.x": 3.0, "a.y": 4.0}, {"a.x": 9.0, "a.y": 1.0}, {"a.x": 20.0, "a.y": 30.0}, {"a.x": 5.0}, {"a.y": 6.0}], recipe("pose"), vectors(1, SIDE, SIDE),
    ),
    "tagging": lambda: Case(new_space("tagging", ["P", "L"]).schema(), TAGS, recipe("tagger"), tokens()),
    "tagging chain": lambda: Case(new_space("tagging", ["P", "L"]).schema(), TAGS, recipe("tagger-chain"), tokens()),
    "dense": lambda: Case(new_space("dense", ["ground", "cat"]).schema(), maps(), recipe("unet"), vectors(1, SIDE, SIDE)),
    "dense deep": lambda: Case(new_space("dense", ["ground", "cat"]).schema(), maps(), recipe("unet-deep"), vectors(1, SIDE, SIDE)),
    "detection": lambda: Case(new_space("detection", ["cat", "dog"]).schema(), boxes(False), recipe("small-detector"), vectors(1, SIDE, SIDE)),
    "instance": lambda: Case(new_space("instance", ["cat", "dog"]).schema(), boxes(True), recipe("small-instances"), vectors(1, SIDE, SIDE)),
    "pair": lambda: Case(new_space("pair").schema(), [True, False, True, False, False], recipe("siamese"), (vectors(2, 480) * 50).abs().round()),
    "link": lambda: Case(
        new_space("link", ["a", "b", "c", "d"]).schema(), [["a"], ["b", "c"], [], ["d"], ["a", "d"]], recipe("distmult"),
        torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 1.0], [3.0, 1.0], [0.0, 1.0]]),
    ),
    "sequence": lambda: Case(
        new_space("sequence", alphabet="0123456789", longest=4).schema(), [["12"], ["7", "07"], ["901"], ["5"], ["44"]],
        recipe("line-reader"), vectors(1, 12, 64),
    ),
}  # fmt: skip


def test_every_kind_is_here() -> None:
    assert {name.partition(" ")[0] for name in MAKERS} == set(HEADS)


class TestKinds(HeadContract):
    @pytest.fixture(params=MAKERS)
    def case(self, request: pytest.FixtureRequest) -> Case:
        return MAKERS[request.param]()
