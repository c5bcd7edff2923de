"""An oracle that only says whether a guess is right, and the guesses that rounds leave for items with many sites."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from querist.core.contracts import GUESSES
from querist.core.records import Selection
from querist.learn.guesses import leave_spoken
from querist.project.oracles import SelfVerifying, Simulated
from querist.tasks import label_space, new_space
from querist.tasks.heads import head


def query(*ids: str) -> Any:
    return SimpleNamespace(ids=ids)


def test_only_what_was_guessed_right_is_told_and_for_nothing() -> None:
    oracle = SelfVerifying(Simulated({"a": {"p": "1"}, "b": {"p": "2"}, "c": {"p": "3"}}), lambda _: {"a": {"p": "1"}, "b": {"p": "9"}, "d": {"p": "1"}})
    told = {answer.item: answer for answer in oracle.answer(query("a", "b", "c", "d"))}
    assert told["a"].value == {"p": "1"} and [told[item].value for item in "bcd"] == [None] * 3
    assert all(answer.cost == 0.0 for answer in told.values())


SPACES = {
    "labels": new_space("multi_output", ["x", "y"]),
    "slots": new_space("multi_output", slots={"colour": ["red", "blue", "green"], "broken": []}),
    "number": new_space("regression", ["age"], low=0, high=10),
    "numbers": new_space("regression", ["x", "y"], low=0, high=10, noise=True),
}


@pytest.mark.parametrize("name", SPACES)
def test_rounds_leave_guesses_in_the_words_of_the_task(name: str, tmp_path: Path) -> None:
    space = SPACES[name]
    task: Any = head(space.schema())
    output = torch.randn(4, 2, task.outputs, generator=torch.Generator().manual_seed(0))
    said = task.sites(output, output)

    class View:
        candidates = tuple("abcd")

        def fold(self, statistic: str, fn: Any, of: str = "candidates", places: Any = None) -> np.ndarray:
            return np.concatenate([fn(said.item(int(place))) for place in places])

    job: Any = SimpleNamespace(schema=space.schema(), workdir=str(tmp_path))
    leave_spoken(View(), Selection(("c", "a"), (1.0, 0.5), ("", "")), job, task, "sites")
    left = json.loads((tmp_path / GUESSES).read_text())
    assert list(left) == ["a", "c"] or list(left) == ["c", "a"]
    spoken = dict(zip("abcd", task.says(said), strict=True))
    for item, (text, sure) in left.items():
        value = label_space(space.schema()).decode(text)
        assert value == space.validate(item, value) == space.validate(item, spoken[item][0]) and 0 <= sure <= 1
