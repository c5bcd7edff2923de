"""The record says when a round looked at its test items: after training, once."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from learn_parts import clouds, job
from learn_short import SHORT

from querist.core import catalogue
from querist.core.contracts import no_report
from querist.core.spec import build
from querist.data.arrays import ArrayPool
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.runtime import LearnerRuntime
from querist.nets.base import MLP

TEST = job(Path("unused")).test


@dataclasses.dataclass(frozen=True)
class Peeking(Learner):
    """A learner that looks at test items while it trains."""

    def fit(self, inputs: Any, *others: Any, **more: Any) -> Fitted:
        inputs.batch(list(TEST)[:3])
        return super().fit(inputs, *others, **more)


@dataclasses.dataclass(frozen=True)
class Looking:
    """An acquisition that scores the test items."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"probs"})

    def select(self, view: Any, k: int, rng: Any) -> Any:
        view._score(list(TEST))
        return catalogue.acquisition("margin").select(view, k, rng)


def reads(folder: Path, learner: Learner, method: Any = "margin", apart: bool = False) -> list[int]:
    inputs = ArrayInputs(ArrayPool(clouds()))
    tested = inputs.beside(ArrayPool(clouds())) if apart else inputs
    found = LearnerRuntime(inputs, tested, learner, catalogue.acquisition(method)).train_score_select(job(folder), no_report)
    return list(found.info["test_reads"])


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("method", ["margin", "coreset"])
def test_test_items_are_read_once_and_after_training(tmp_path: Path, method: str, apart: bool) -> None:
    assert reads(tmp_path, Learner(MLP(hidden=(8,)), SHORT), method, apart) == [0, 1]


def test_members_and_samples_are_one_look(tmp_path: Path) -> None:
    for name in ("mc_dropout", "ensemble"):
        inference = build(catalogue.row(name, "inference")["inference_spec"])
        assert reads(tmp_path / name, dataclasses.replace(Learner(MLP(hidden=(8,)), SHORT), inference=inference), "bald") == [0, 1]


def test_whoever_looks_earlier_or_again_is_seen(tmp_path: Path) -> None:
    assert reads(tmp_path / "early", Peeking(MLP(hidden=(8,)), SHORT)) == [1, 1]
    assert reads(tmp_path / "again", Learner(MLP(hidden=(8,)), SHORT), Looking()) == [0, 2]
