"""Learners: what is carried from round to round, what is saved, what is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from learn_parts import CLASSES, clouds, ids, label
from learn_short import SHORT
from torch import Tensor

from querist.core.contracts import STATISTICS, no_report
from querist.core.errors import TrainingError, UsageError
from querist.core.rng import Streams
from querist.core.spec import build, spec
from querist.data.arrays import ArrayPool
from querist.learn.inference.ensemble import Ensemble
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.refits import REFITS
from querist.learn.schemes.supervised import Steps
from querist.learn.statistics.registry import BY_SCHEMES
from querist.nets.cnn import SmallCNN
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

INPUTS = ArrayInputs(ArrayPool(clouds(30, 64).reshape(30, 8, 8)))
NETWORK = SmallCNN(channels=(4,), hidden=8)
LABELLED = {item: label(item) for item in ids(0, 12)}
STILL = dataclasses.replace(SHORT, steps=Steps(0.0, 1, 1), rate=1e-12, weight_decay=0.0)
"""One step that moves nothing: what came in is seen in what goes out."""


def fit(learner: Learner, previous: Path | None = None, classes: tuple[str, ...] = CLASSES, labelled: Mapping[str, Any] = LABELLED, round_: int = 2) -> Fitted:
    head = ClassificationHead.of(new_space("classification", classes).schema())
    return learner.fit(INPUTS, head, labelled, Streams(0, round_), None if previous is None else str(previous), no_report)


def state(fitted: Fitted, part: str = "") -> dict[str, Tensor]:
    return {name: tensor for name, tensor in fitted.networks[0].state_dict().items() if name.startswith(part)}


def same(first: dict[str, Tensor], second: dict[str, Tensor], tolerance: float = 0.0) -> bool:
    return all(torch.allclose(tensor.double(), second[name].double(), atol=tolerance, rtol=0.0) for name, tensor in first.items())


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fitted, Path]:
    """Round 1, saved."""
    fitted, folder = fit(Learner(NETWORK, SHORT), round_=1), tmp_path_factory.mktemp("round-1")
    fitted.save(folder)
    return fitted, folder


def weights(fitted: Fitted, part: str) -> dict[str, Tensor]:
    """Without BatchNorm's running statistics."""
    return {name: tensor for name, tensor in state(fitted, part).items() if "running" not in name and "num_batches" not in name}


def test_scratch_forgets(before: tuple[Fitted, Path]) -> None:
    new = fit(Learner(NETWORK, STILL), before[1])
    assert not same(weights(before[0], "trunk.0"), weights(new, "trunk.0"), 1e-3)
    assert new.hash() == fit(Learner(NETWORK, STILL)).hash()


def test_warm_starts_from_the_round_before(before: tuple[Fitted, Path]) -> None:
    new = fit(Learner(NETWORK, STILL, refit="warm"), before[1])
    assert same(weights(before[0], ""), weights(new, ""), 1e-6)


def test_head_only_keeps_the_trunk_to_the_bit(before: tuple[Fitted, Path]) -> None:
    new = fit(Learner(NETWORK, SHORT, refit="head_only"), before[1])
    assert same(state(before[0], "trunk"), state(new, "trunk")), "with its BatchNorm statistics"
    assert not same(state(before[0], "head"), state(new, "head"), 1e-3)
    fresh = fit(Learner(NETWORK, STILL, refit="head_only"), before[1])
    assert not same(state(before[0], "head"), state(fresh, "head"), 1e-3), "the head starts anew"


def test_the_first_round_of_head_only_trains_all() -> None:
    still, moved = fit(Learner(NETWORK, STILL, refit="head_only")), fit(Learner(NETWORK, SHORT, refit="head_only"))
    assert not same(weights(still, "trunk"), weights(moved, "trunk"), 1e-3)


@pytest.mark.parametrize("refit", ["warm", "head_only"])
def test_a_class_added_between_rounds_keeps_the_trunk(before: tuple[Fitted, Path], refit: str) -> None:
    new = fit(Learner(NETWORK, STILL, refit=refit), before[1], classes=(*CLASSES, "d"))
    assert same(weights(before[0], "trunk"), weights(new, "trunk"), 1e-6)
    assert new.networks[0].last.out_features == 4
    assert new.score(["3"]).probs.shape == (1, 1, 4)


def test_a_folder_without_weights_is_a_fresh_start(tmp_path: Path) -> None:
    assert fit(Learner(NETWORK, STILL, refit="warm"), tmp_path).hash() == fit(Learner(NETWORK, STILL)).hash()


def test_members_differ_and_come_back(tmp_path: Path) -> None:
    learner = Learner(NETWORK, SHORT, Ensemble(2))
    fitted = fit(learner)
    assert not same(weights(fitted, "trunk.0"), dict(fitted.networks[1].state_dict()), 1e-3)
    head = ClassificationHead.of(new_space("classification", CLASSES).schema())
    assert learner.restore(INPUTS, head, tmp_path, Streams(0, 2)) is None
    fitted.save(tmp_path)
    back = learner.restore(INPUTS, head, tmp_path, Streams(0, 2))
    assert back is not None and back.hash() == fitted.hash()
    assert (back.score(ids(0, 9)).probs == fitted.score(ids(0, 9)).probs).all()
    (tmp_path / "member-1.safetensors").unlink()
    assert learner.restore(INPUTS, head, tmp_path, Streams(0, 2)) is None


def test_fitting_draws_nothing_from_the_global_stream() -> None:
    drawn = torch.get_rng_state()
    fit(Learner(NETWORK, STILL))
    assert torch.equal(torch.get_rng_state(), drawn)


def test_refusals() -> None:
    with pytest.raises(UsageError, match="unknown refit") as caught:
        fit(Learner(NETWORK, refit="lukewarm"))
    assert caught.value.wanted == ", ".join(REFITS)
    with pytest.raises(TrainingError, match="nothing to learn from"):
        fit(Learner(NETWORK), labelled={})


GIVEN = {"costs", "recording", "moment"}
"""What only people and files know of an item."""


def test_a_learner_is_its_configuration() -> None:
    learner = Learner(NETWORK, SHORT, Ensemble(2), "warm")
    assert build(spec(learner)) == learner and learner.provides == set(STATISTICS) - {*GIVEN, "sites", "values", "word_gradient", "box_views", *BY_SCHEMES}
