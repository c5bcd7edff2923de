"""VAAL: the query looks where no label is, the latent does not collapse, every player moves in its own direction, the network is left alone."""

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
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.learn.device import generator
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.programme import Setting
from querist.learn.runtime import LearnerRuntime
from querist.learn.schemes.adversaries import Player, auc, labelled_inputs, looks
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.learning_loss import LearningLoss
from querist.learn.schemes.supervised import Steps
from querist.learn.schemes.vaal import VAAL
from querist.nets.base import MLP
from querist.nets.text_cnn import TextCNN

GAME = VAAL(PLAIN, steps=Steps(0.0, 200, 200))
SHORT = VAAL(PLAIN, steps=Steps(0.0, 15, 15))


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[Toy, Fit]]:
    one = toy()
    yield one, one.fit(GAME)


def look(fit: Fit, x: Tensor) -> Tensor:
    with torch.no_grad():
        value: Tensor = fit.modules["discriminator"](fit.modules["vae"](x))
    return value


def test_the_uncovered_cluster_is_asked_for(played: tuple[Toy, Fit]) -> None:
    one, fit = played
    logits = look(fit, one.x)
    assert logits[:LABELLED].mean() > logits[one.uncovered].mean()
    assert one.share(-logits[LABELLED:]) >= 0.9


def test_the_latent_varies_and_the_discriminator_neither_guesses_nor_knows(played: tuple[Toy, Fit]) -> None:
    notes = played[1].notes
    assert notes["latent_variance"] > 0.01 and notes["active_units"] >= 1 and notes["divergence"] > 0.1
    assert 0.6 < notes["discriminator_auc"] < 0.95, "half of what is unlabelled looks like what is labelled: 0.75 is the truth"


def test_the_discriminator_is_deterministic_and_the_modules_end_in_eval_mode(played: tuple[Toy, Fit]) -> None:
    one, fit = played
    assert torch.equal(look(fit, one.x), look(fit, one.x))
    assert not any(module.training for module in fit.modules.values())


def test_the_network_is_as_without_the_game() -> None:
    plain, game = toy(dropout=0.3), toy(dropout=0.3)
    plain.fit(PLAIN)
    fit = game.fit(SHORT)
    assert all(torch.equal(tensor, game.network.state_dict()[name]) for name, tensor in plain.network.state_dict().items()), "bit for bit"
    assert fit.steps == 60 and dict(fit.phases) == {"train": 60, "vae": 30, "discriminator": 15}


def objectives(one: Toy) -> dict[str, Any]:
    """What each player wants to be small."""
    own, other = one.x[:LABELLED], one.unlabelled

    def fooled(modules: Any) -> Tensor:
        return looks(modules["discriminator"](modules["vae"](one.x)), so=True)

    def judged(modules: Any) -> Tensor:
        mu = modules["vae"]
        return looks(modules["discriminator"](mu(own)), True).mean() + looks(modules["discriminator"](mu(other)), False).mean()

    return {"vae": fooled, "discriminator": judged}


@pytest.mark.parametrize("phase", ["vae", "discriminator"])
def test_each_player_moves_its_own_objective_down(phase: str) -> None:
    one = toy()
    scheme = dataclasses.replace(SHORT, adversarial=100.0)
    programme = scheme.programme(one.setting)
    assert moved(programme, one.setting, "game", phase, objectives(one)[phase]) < 0


def test_targets_do_not_enter_the_game() -> None:
    one, other = toy(), toy()
    data = dataclasses.replace(other.setting.data, y=1 - other.setting.data.y)
    first, second = one.fit(SHORT), dataclasses.replace(other, setting=dataclasses.replace(other.setting, data=data)).fit(SHORT)
    assert torch.equal(look(first, one.x), look(second, one.x))


def test_what_is_pseudo_labelled_counts_as_unlabelled() -> None:
    class Shown:
        x = torch.arange(8.0).reshape(4, 2)
        rows = torch.tensor([0, 7, 2, 9])

    assert labelled_inputs(Shown(), 3).tolist() == [[0.0, 1.0], [4.0, 5.0]]  # type: ignore[arg-type]
    assert labelled_inputs(Shown(), 10) is Shown.x  # type: ignore[arg-type]


def test_area_under_the_curve() -> None:
    assert auc(torch.tensor([2.0, 3.0]), torch.tensor([0.0, 1.0])) == 1.0
    assert auc(torch.tensor([0.0]), torch.tensor([0.0, 1.0])) == 0.25, "a tie counts for half"
    assert auc(torch.tensor([1.0, 1.0]), torch.tensor([1.0])) == 0.5


def test_cross_entropies_of_both_answers() -> None:
    logit = torch.tensor([-2.0, 0.0, 3.0])
    p = torch.sigmoid(logit)
    torch.testing.assert_close(looks(logit, True), -p.log())
    torch.testing.assert_close(looks(logit, False), -(1 - p).log())
    assert Player(3, 4, 2)(torch.zeros(5, 3), torch.zeros(5, 2)).shape == (5,)


def test_its_row_brings_the_scheme_and_asks_for_the_lowest_look(tmp_path: Path) -> None:
    inputs = ArrayInputs(ArrayPool(clouds(60)))
    learner = Learner(MLP((8,)), SHORT)
    runtime = LearnerRuntime(inputs, inputs, learner, catalogue.acquisition("vaal"))
    first = runtime.train_score_select(job(tmp_path), no_report)
    assert first.ranking == runtime.train_score_select(job(tmp_path), no_report).ranking, "restored from the folder"
    assert catalogue.scheme_name("vaal") == "vaal_training"
    assert list(first.ranking.scores) == sorted(first.ranking.scores, reverse=True) and len(set(first.ranking.scores)) > 1


def test_it_goes_around_learning_loss() -> None:
    one = toy()
    fit = one.fit(SHORT.around(LearningLoss(PLAIN)))
    assert set(fit.modules) == {"loss", "vae", "discriminator"}


def test_word_indices_are_refused() -> None:
    network = TextCNN(words=20).make((6,), 2, generator(0))
    given = Setting(network, TASK, TrainingSet(torch.ones(4, 6), np.array([0, 1, 0, 1])), Streams(0, 1))
    with pytest.raises(UsageError, match="word indices"):
        SHORT.programme(given)
