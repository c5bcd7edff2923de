"""WAAL: the critic keeps a slope of 1 and measures a distance, each player has its sign, and where it asks."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adversarial_toy import LABELLED, PLAIN, TASK, Toy, alone, moved, toy
from learn_parts import clouds, job
from torch import Tensor

from querist.acquire.adversarial import UnsureAndUnlike
from querist.core import catalogue
from querist.core.contracts import no_report
from querist.core.rng import Streams, stream
from querist.data.arrays import ArrayPool
from querist.kernels.adversarial import sureness
from querist.learn.augment import Augment
from querist.learn.device import generator
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.programme import TRAIN, Setting
from querist.learn.runtime import LearnerRuntime
from querist.learn.schemes.adversaries import steepness
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.learning_loss import LearningLoss
from querist.learn.schemes.waal import ALIKE, WAAL
from querist.learn.training import Training
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP
from querist.nets.cnn import SmallCNN

SCHEME = WAAL(PLAIN)


def distance(modules: Any, one: Toy) -> Tensor:
    """What the critic makes of unlabelled features over labelled ones."""
    features = modules["network"].eval().trunk(one.x)
    value: Tensor = modules["critic"](features[LABELLED:]).mean() - modules["critic"](features[:LABELLED]).mean()
    return value


def gaussians(shift: float = 3.0) -> tuple[Setting, Tensor, Tensor]:
    """Labelled points around the origin, unlabelled ones around (shift, 0); the features are the points."""
    rng = stream(0, 0, "oracle")
    x = torch.from_numpy(rng.normal(size=(1000, 2)).astype(np.float32))
    x[500:, 0] += shift
    pool = Unlabelled([str(item) for item in range(500, 1000)], lambda ids: x[[int(item) for item in ids]])
    network = MLP(hidden=()).make((2,), 2, generator(0))
    return Setting(network, TASK, TrainingSet(x[:500], np.arange(500) % 2, pool=pool), Streams(0, 1)), x[:500], x[500:]


def test_the_critic_minimises_the_penalty_and_measures_the_distance_of_two_gaussians() -> None:
    given, labelled, unlabelled = gaussians()
    programme = alone(WAAL(PLAIN, turns=1, rate=5e-3).programme(given), TRAIN, "critic", steps=200)
    critic = programme.modules["critic"]
    Training(programme, given, no_report).run()
    assert 0.8 < float(steepness(critic, torch.cat([labelled, unlabelled])).detach().mean()) < 1.2
    with torch.no_grad():
        assert float(critic(unlabelled).mean() - critic(labelled).mean()) == pytest.approx(3.0, rel=0.2)


@pytest.mark.parametrize("scale", [0.2, 8.0])
def test_a_step_of_the_critic_lowers_the_penalty(scale: float) -> None:
    """Too flat or too steep: where the penalty is all that counts, it falls. In the authors' code it rises."""
    given, labelled, unlabelled = gaussians()
    programme = WAAL(PLAIN, turns=1, penalty=1e4).programme(given)
    with torch.no_grad():
        programme.modules["critic"].layers[-1].weight.mul_(scale)  # type: ignore[union-attr, index]
    points = torch.cat([labelled, unlabelled])

    def penalty(modules: Any) -> Tensor:
        with torch.enable_grad():
            return (steepness(modules["critic"], points) - 1.0).square().detach()

    assert moved(programme, given, TRAIN, "critic", penalty) < 0


def test_the_critic_raises_the_distance_and_the_network_lowers_it() -> None:
    one = toy()
    critic = moved(WAAL(PLAIN, penalty=0.0, turns=1).programme(one.setting), one.setting, TRAIN, "critic", lambda modules: distance(modules, one))
    assert critic > 0
    again = toy()
    programme = WAAL(PLAIN, weight=1e4).programme(again.setting)
    assert moved(programme, again.setting, TRAIN, "train", lambda modules: distance(modules, again)) < 0


def test_the_uncovered_cluster_is_asked_for() -> None:
    one = toy()
    fit = one.fit(SCHEME)
    with torch.no_grad():
        features = one.network.trunk(one.unlabelled)
        value = fit.modules["critic"](features)
        probs = TASK.predict(one.network.head(features))[:, None].numpy()
    assert one.share(value) >= 0.9
    assert one.share(torch.from_numpy(UnsureAndUnlike().weight * value.numpy() - sureness(probs))) >= 0.9
    assert fit.notes["wasserstein"] > 0.5 and 0.3 < fit.notes["slope"] < 1.7
    assert dict(fit.phases) == {"critic": 60, "train": 60} and fit.steps == 60


def test_without_weight_the_network_is_as_without_the_critic() -> None:
    plain, beside = toy(dropout=0.3), toy(dropout=0.3)
    plain.fit(PLAIN)
    beside.fit(dataclasses.replace(SCHEME, weight=0.0))
    assert all(torch.equal(tensor, beside.network.state_dict()[name]) for name, tensor in plain.network.state_dict().items())


def test_no_pass_of_the_game_moves_batchnorms_statistics() -> None:
    rng = stream(0, 0, "oracle")
    x = torch.from_numpy(rng.normal(size=(40, 1, 6, 6)).astype(np.float32))
    pool = Unlabelled([str(item) for item in range(12, 40)], lambda ids: 50 + x[[int(item) for item in ids]])
    states = []
    for scheme in (PLAIN, dataclasses.replace(SCHEME, weight=0.0)):
        network = SmallCNN(channels=(4,), hidden=8).make((1, 6, 6), 2, generator(0))
        scheme.fit(network, TASK, TrainingSet(x[:12], np.arange(12) % 2, pool=pool), Streams(0, 1), no_report)
        states.append(network.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_unlabelled_inputs_are_augmented_as_labelled_ones() -> None:
    augment = Augment(shift=1)
    stage = SCHEME.around(dataclasses.replace(PLAIN, augment=augment)).programme(toy().setting).stage()
    assert stage.views[ALIKE] is stage.augment is augment


def test_it_goes_around_learning_loss_and_without_a_pool_changes_nothing() -> None:
    assert set(toy().fit(SCHEME.around(LearningLoss(PLAIN))).modules) == {"loss", "critic"}
    plain, none = toy(), toy()
    plain.fit(PLAIN)
    SCHEME.fit(none.network, TASK, dataclasses.replace(none.setting.data, pool=None), none.setting.streams, no_report)
    assert all(torch.equal(tensor, none.network.state_dict()[name]) for name, tensor in plain.network.state_dict().items())


def test_its_row_brings_the_scheme(tmp_path: Path) -> None:
    inputs = ArrayInputs(ArrayPool(clouds(60)))
    runtime = LearnerRuntime(inputs, inputs, Learner(MLP((8,)), SCHEME), catalogue.acquisition("waal"))
    first = runtime.train_score_select(job(tmp_path), no_report)
    assert first.ranking == runtime.train_score_select(job(tmp_path), no_report).ranking, "restored from the folder"
    assert catalogue.scheme_name("waal") == "waal_training"
