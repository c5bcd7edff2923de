"""What a method owes to its training and to its query: its arms, and the gains read from them."""

from __future__ import annotations

from typing import Any

import pytest

from querist.bench.arms import arms, gains, names, trains
from querist.bench.plan import BenchSpec
from querist.bench.results import MethodResult, Seconds
from querist.bench.spec import StudySpec
from querist.core.errors import UsageError

DIGITS = {"recipe": "digits-cnn"}


def result(*areas: float) -> MethodResult:
    return MethodResult(seeds=list(range(len(areas))), metric="accuracy", curve=[[area] for area in areas], aubc=list(areas), seconds=Seconds())


def test_the_arms_of_a_strategy_that_trains() -> None:
    listed, own = arms("llal", DIGITS, 100)
    assert listed == ["llal"]
    assert own == {
        "random+learning_loss": {"use": "random", "learner": {"scheme": "learning_loss"}},
        "llal+plain": {"use": "llal", "learner": {"aside": True}},
    }, "as many steps as plain training, so no arm of more steps; the query reads a module that leaves the network alone"


def test_the_arms_of_a_scheme_are_asked_by_margin() -> None:
    listed, own = arms("twins", DIGITS, 100)
    assert listed == ["margin"] and set(own) == {"random+twins", "margin+twins"}
    assert own["margin+twins"] == {"use": "margin", "learner": {"scheme": "twins"}}


def test_what_trains_nothing_has_no_arms() -> None:
    assert trains("margin") is None and trains("llal") == "learning_loss" and trains("learning_loss") == "learning_loss"
    with pytest.raises(UsageError, match="nothing"):
        trains("nothing")


def test_a_scheme_that_takes_more_steps_gets_plain_training_with_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    from querist.learn.programme import Programme
    from querist.learn.schemes.learning_loss import LearningLoss

    plain = LearningLoss.programme

    def twice(self: Any, setting: Any) -> Programme:
        import dataclasses

        made = plain(self, setting)
        return made.with_stage(dataclasses.replace(made.stage(), steps=2 * made.stage().steps))

    monkeypatch.setattr(LearningLoss, "programme", twice)
    _, own = arms("llal", DIGITS, 100)
    assert own["random+learning_loss-steps"] == {"use": "random", "learner": {"pace": 2.0}}


def study(*ablated: str) -> StudySpec:
    return StudySpec.of({"dataset": "digits", "ablated": ablated})


def test_gains_are_paired_differences_by_source() -> None:
    called = names("llal")
    methods = {
        "random": result(0.70, 0.72, 0.71, 0.70, 0.72, 0.9),
        called["training"]: result(0.75, 0.78, 0.76, 0.75, 0.76),
        called["plain"]: result(0.69, 0.71, 0.70, 0.70, 0.70),
        called["both"]: result(0.80, 0.82, 0.80, 0.80, 0.81),
    }
    found = {gain.source: gain for gain in gains(study("llal"), methods)["llal"]}
    assert {source: round(gain.difference, 3) for source, gain in found.items()} == {
        "training": 0.05, "query, after its training": 0.046, "query, after plain training": -0.01, "both": 0.096,
    }  # fmt: skip
    assert found["training"].baseline == "random" and found["training"].n == 5
    assert found["training"].verdict == "better" and found["query, after plain training"].verdict == "worse"


def test_the_gain_of_training_is_against_the_better_plain_training() -> None:
    called = names("llal")
    methods = {
        "random": result(*[0.70, 0.72, 0.71, 0.70, 0.72]), called["paced"]: result(*[0.73, 0.74, 0.73, 0.72, 0.74]),
        called["training"]: result(*[0.75, 0.78, 0.76, 0.75, 0.76]),
    }  # fmt: skip
    (gain,) = gains(study("llal"), methods)["llal"]
    assert gain.baseline == called["paced"] and round(gain.difference, 3) == 0.028
    worse = {**methods, called["paced"]: result(*[0.6] * 5)}
    assert gains(study("llal"), worse)["llal"][0].baseline == "random"


def test_a_bench_expands_what_is_ablated() -> None:
    cell = BenchSpec.of({"name": "b", "dataset": "digits", "recipe": "digits-cnn", "ablate": ["llal", "badge"]}).expand()[0].spec
    assert cell.ablated == ("llal",) and "badge-no-selector" in cell.methods
    assert cell.strategy("llal+plain") == "llal" and cell.learner_options("llal+plain") == {"recipe": "digits-cnn", "aside": True}
    assert cell.strategy("random+learning_loss") == "random" and cell.learner_options("margin") == {"recipe": "digits-cnn"}
    with pytest.raises(UsageError, match="no part that could be taken away"):
        BenchSpec.of({"name": "b", "dataset": "digits", "ablate": ["margin"]}).expand()
