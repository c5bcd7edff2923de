"""Every recipe of the catalogue builds and trains; every row of every type is whole."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import querist
from querist.acquire.served import kinds
from querist.assemble.parts import check, learner
from querist.core import catalogue
from querist.core.contracts import STATISTICS, no_report
from querist.core.errors import CapabilityError, UsageError
from querist.core.records import RoundJob
from querist.core.rng import stream
from querist.core.spec import build, spec
from querist.data.arrays import ArrayPool
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.refits import REFITS
from querist.learn.runtime import LearnerRuntime
from querist.learn.schemes.supervised import Steps
from querist.tasks import new_space
from querist.tasks.heads import HEADS, STREAMED

STRATEGIES = [str(row["name"]) for row in catalogue.rows("strategy")]
RECIPES = [str(row["name"]) for row in catalogue.rows("recipe") if "classification" in row["kinds"]]
"""Those of items that are their own only site; recipes of other kinds are tested where the kind is."""
SHAPES: dict[str, tuple[int, ...]] = {"mlp": (6,), "features-head": (6,), "text-cnn": (12,)}


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_trains_a_few_steps(name: str, tmp_path: Path) -> None:
    made = learner({"recipe": name}, "bald")
    made = dataclasses.replace(made, scheme=dataclasses.replace(made.scheme, steps=Steps(0.0, 4, 4)))  # type: ignore[type-var]
    inputs = ArrayInputs(ArrayPool(stream(0, 0, "oracle").normal(size=(24, *SHAPES.get(name, (16, 16)))).astype(np.float32)))
    job = RoundJob(
        round=1, seed=0, labelled={str(i): "ab"[i % 2] for i in range(8)}, test={"23": "a"}, candidates=[str(i) for i in range(8, 23)], pending=(),
        batch=3, reserve=4, schema=new_space("classification", ["a", "b"]).schema(), previous=None, workdir=str(tmp_path),
    )  # fmt: skip
    result = LearnerRuntime(inputs, inputs, made, catalogue.acquisition("bald")).train_score_select(job, no_report)
    assert len(result.ranking) == 7 and result.info["steps"] == [4] and result.metrics.keys() == {"accuracy", "balanced_accuracy", "nll"}
    assert build(result.info["learner"]) == made


def recipes(method: str) -> list[str]:
    """Those for items of one class; those of its own kinds for a method that serves no such items."""
    own = set(kinds(catalogue.row(method)))
    return RECIPES if "classification" in own else [str(row["name"]) for row in catalogue.rows("recipe") if own & set(row["kinds"])]


@pytest.mark.parametrize("method", STRATEGIES)
def test_strategy_fits_every_recipe(method: str) -> None:
    acquisition = catalogue.acquisition(method)
    assert acquisition.needs <= set(STATISTICS)
    named = catalogue.recipe_name(method)
    for recipe in recipes(method) if named is None else [named]:
        made = learner({"recipe": recipe}, method)
        check(acquisition, made.provides | STREAMED, method)
        assert spec(made.inference) == spec(build(catalogue.row(catalogue.inference_name(method), "inference")["inference_spec"]))


def test_rows_are_whole() -> None:
    wanted = {"type", "family", "paper", "reference", "cost", "fails", "deviations", "kinds"}
    for row in querist.methods():
        assert wanted <= set(row), row["name"]
        assert row["type"] in {"strategy", "scheme", "inference", "refit", "recipe", "wrapper", "kind", "tool"}
        assert row["kinds"] and set(row["kinds"]) <= set(HEADS)
        assert all(row[key] for key in wanted)


def test_refits_of_the_catalogue_are_those_of_the_learner() -> None:
    assert {row["name"] for row in catalogue.rows("refit")} == set(REFITS)


@dataclasses.dataclass(frozen=True)
class Needs:
    """An acquisition that needs whatever it is told to."""

    statistics: tuple[str, ...]

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(self.statistics)

    def select(self, view: Any, k: int, rng: Any) -> Any:
        raise AssertionError("never reached")


@dataclasses.dataclass(frozen=True)
class Poor(Learner):
    @property
    def provides(self) -> frozenset[str]:
        return frozenset({"probs"})


def test_capability_error_names_the_missing_statistic() -> None:
    with pytest.raises(CapabilityError, match="'features'") as caught:
        check(Needs(("probs", "features")), Poor().provides, "mine")
    assert caught.value.got == "probs"
    with pytest.raises(UsageError, match="does not exist: 'horoscope'"):
        check(Needs(("horoscope",)), Learner().provides, "mine")
