"""ARAL: a classifier that is a discriminator, four players with a sign each, real reconstruction gradients, and where it asks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adversarial_toy import LABELLED, PLAIN, TASK, Toy, moved, toy
from learn_parts import clouds, job
from torch import Tensor

from querist.core import catalogue
from querist.core.contracts import no_report
from querist.core.rng import Streams, stream
from querist.data.arrays import ArrayPool
from querist.learn.device import generator
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.programme import TRAIN, Programme
from querist.learn.runtime import LearnerRuntime
from querist.learn.schemes.adversaries import looks
from querist.learn.schemes.aral import ARAL, surprise, unreal
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Steps
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import MLP
from querist.nets.cnn import SmallCNN
from querist.nets.vae import Code, squared

GAME = ARAL(PLAIN, steps=Steps(0.0, 300, 300))
SHORT = ARAL(PLAIN, steps=Steps(0.0, 15, 15))


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[Toy, Fit]]:
    one = toy()
    yield one, one.fit(GAME)


def test_the_classifier_is_a_discriminator_of_k_logits() -> None:
    logits = torch.tensor([[1.0, -2.0, 0.5], [4.0, 4.0, 4.0]])
    z = logits.exp().sum(dim=1)
    torch.testing.assert_close(unreal(logits, real=True), -(z / (z + 1)).log())
    torch.testing.assert_close(unreal(logits, real=False), -(1 / (z + 1)).log())
    extended = torch.cat([logits, torch.zeros(2, 1)], dim=1)
    torch.testing.assert_close(unreal(logits, real=False), torch.nn.functional.cross_entropy(extended, torch.tensor([3, 3]), reduction="none"))


def test_the_uncovered_cluster_is_asked_for(played: tuple[Toy, Fit]) -> None:
    one, fit = played
    with torch.no_grad():
        logits = fit.modules["discriminator"](fit.modules["vae"](one.x))
    assert logits[:LABELLED].mean() > logits[one.uncovered].mean()
    assert one.share(-logits[LABELLED:]) >= 0.9
    assert fit.notes["latent_variance"] > 0.003 and fit.notes["active_units"] >= 1 and 0.6 < fit.notes["discriminator_auc"] < 0.95
    assert dict(fit.phases) == {"train": 300, "vae": 300, "discriminator": 300} and fit.steps == 300


def test_latent_points_are_likelier_under_their_own_codes() -> None:
    code = Code(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, -1.0]]))
    normal = torch.distributions.Normal(code.mu, torch.exp(0.5 * code.logvar))
    z, other = torch.tensor([[0.5, 2.5]]), torch.tensor([[3.0, 0.0]])
    expected = -normal.log_prob(other).sum() + normal.log_prob(z).sum()  # type: ignore[no-untyped-call]
    torch.testing.assert_close((surprise(other, code) - surprise(z, code))[0], expected)


def wanting(phase: str, term: str, scheme: ARAL) -> tuple[Toy, Programme]:
    """The game in which a player wants one thing."""
    one = toy()
    programme = scheme.programme(one.setting)
    stage = programme.stage()
    phases = tuple(
        dataclasses.replace(each, terms=tuple(found for found in each.terms if found.name == term)) if each.name == phase else each for each in stage.phases
    )
    return one, programme.with_stage(dataclasses.replace(stage, phases=phases))


def test_the_classifier_learns_to_tell_real_from_generated_and_the_sampler_labelled_from_unlabelled() -> None:
    one = toy()
    noise = torch.randn(64, SHORT.latent, generator=generator(3)), torch.eye(2)[torch.arange(64) % 2]

    def realness(modules: Any) -> Tensor:
        network = modules["network"].eval()
        return unreal(network(one.unlabelled), real=True).mean() + unreal(network(modules["vae"].decode(*noise)), real=False).mean()

    def sampled(modules: Any) -> Tensor:
        logits = modules["discriminator"](modules["vae"](one.x))
        return looks(logits[:LABELLED], True).mean() + looks(logits[LABELLED:], False).mean()

    for phase, objective in (("train", realness), ("discriminator", sampled)):
        again = toy()
        programme = dataclasses.replace(SHORT, weight=1e4).programme(again.setting)
        assert moved(programme, again.setting, TRAIN, phase, objective) < 0, phase


def test_the_generator_matches_features() -> None:
    one, programme = wanting("vae", "feature matching", SHORT)
    with torch.no_grad():
        programme.modules["vae"].decoder[-2].bias.add_(3.0)  # type: ignore[index, union-attr]
    noise = torch.randn(300, SHORT.latent, generator=generator(3)), torch.eye(2)[torch.arange(300) % 2]

    def apart(modules: Any) -> Tensor:
        network = modules["network"].eval()
        made, real = network.trunk(modules["vae"].decode(*noise)), network.trunk(one.unlabelled)
        return torch.as_tensor((made.mean(dim=0) - real.mean(dim=0)).abs())

    assert moved(programme, one.setting, TRAIN, "vae", apart, steps=20) < -0.01


def test_the_encoder_fools_the_sampler() -> None:
    one, programme = wanting("vae", "fool labelled", dataclasses.replace(SHORT, beside=1.0))
    own = one.x[:LABELLED]
    assert moved(programme, one.setting, TRAIN, "vae", lambda modules: looks(modules["discriminator"](modules["vae"](own)), so=True)) < 0


def test_the_reconstruction_has_a_gradient() -> None:
    """In the authors' code the output is detached, and the VAE learns nothing of its inputs."""
    one, programme = wanting("vae", "code unlabelled", SHORT)
    target = torch.nn.functional.one_hot(TASK.pseudo(one.network(one.unlabelled))[0], 2).float()

    def error(modules: Any) -> Tensor:
        coder = modules["vae"]
        return squared(one.unlabelled, coder.decode(coder(one.unlabelled), target))

    assert moved(programme, one.setting, TRAIN, "vae", error, steps=100) < -0.5


def test_generated_inputs_do_not_enter_batchnorms_statistics() -> None:
    rng = stream(0, 0, "oracle")
    x = torch.from_numpy(rng.normal(size=(40, 1, 6, 6)).astype(np.float32))
    pool = Unlabelled([str(item) for item in range(12, 40)], lambda ids: 50 + x[[int(item) for item in ids]])
    states = []
    steps = Steps(0.0, 60, 60)
    for scheme in (PLAIN, dataclasses.replace(SHORT, weight=0.0, steps=steps)):
        network = SmallCNN(channels=(4,), hidden=8).make((1, 6, 6), 2, generator(0))
        scheme.fit(network, TASK, TrainingSet(x[:12], np.arange(12) % 2, pool=pool), Streams(0, 1), no_report)
        states.append(network.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0]), "of no weight, it is plain training bit for bit"


def test_its_row_brings_the_scheme(tmp_path: Path) -> None:
    inputs = ArrayInputs(ArrayPool(clouds(60)))
    runtime = LearnerRuntime(inputs, inputs, Learner(MLP((8,)), SHORT), catalogue.acquisition("aral"))
    first = runtime.train_score_select(job(tmp_path), no_report)
    assert first.ranking == runtime.train_score_select(job(tmp_path), no_report).ranking, "restored from the folder"
    assert catalogue.scheme_name("aral") == "aral_training"
