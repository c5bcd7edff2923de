"""Answers of every kind from files and from the command line: what was exported is told again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from querist.adapters.answers import meant, tell_file, tell_one
from querist.core.errors import LabelError
from querist.data.arrays import ArrayPool
from querist.project.project import Project
from querist.tasks import new_space

VALUES: dict[str, tuple[list[str], list[Any]]] = {
    "pair": ([], [True, False]),
    "link": (["a", "b"], [["a", "b"], []]),
    "detection": (["cat"], [[{"box": [0.0, 1.0, 2.0, 3.5], "label": "cat"}], []]),
    "dense": (["sky", "sea"], [{"size": [1, 8], "runs": [["sky", 5], [None, 3]]}, {"size": [1, 8], "runs": [["sea", 8]]}]),
    "classification": (["true", "[]"], ["true", "[]"]),
}


def project(kind: str) -> Project:
    return Project.create(":memory:", pool=ArrayPool(np.zeros((2, 8))), task=new_space(kind, VALUES[kind][0]), method="random")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("kind", VALUES)
def test_what_is_exported_is_told_again(tmp_path: Path, kind: str, suffix: str) -> None:
    made, again = project(kind), project(kind)
    made.tell_many({str(row): value for row, value in enumerate(VALUES[kind][1])}, by="ann")
    told = tell_file(again, str(made.export(tmp_path / f"labels.{suffix}")), None, "bob")
    assert told == {"told": 2, "revisions": 0, "errors": []}
    assert again.labels() == made.labels() == {str(row): value for row, value in enumerate(VALUES[kind][1])}


def test_a_value_on_the_command_line() -> None:
    pairs, links = project("pair"), project("link")
    tell_one(pairs, "0", "true", "ann")
    tell_one(links, "0", '["b"]', "ann")
    assert pairs.labels() == {"0": True} and links.labels() == {"0": ["b"]}
    with pytest.raises(LabelError, match="maybe"):
        tell_one(pairs, "1", "maybe", "ann")


def test_a_class_is_its_name() -> None:
    assert meant("classification", "true") == "true" and meant("pair", "true") is True and meant("link", "[" * 100_000) == "[" * 100_000
