"""TA-VAAL: the ranker's loss, that ranks enter the game and nothing flows back, and where it asks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from adversarial_toy import LABELLED, PLAIN, Toy, moved, toy
from learn_parts import clouds, job
from torch import Tensor

from querist.core import catalogue
from querist.core.contracts import no_report
from querist.data.arrays import ArrayPool
from querist.learn.hidden import tapped
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Learner
from querist.learn.runtime import LearnerRuntime
from querist.learn.schemes.adversaries import looks
from querist.learn.schemes.base import Fit
from querist.learn.schemes.supervised import Steps
from querist.learn.schemes.ta_vaal import TAVAAL, ranks, relaxed
from querist.learn.schemes.vaal import VAAL
from querist.nets.base import MLP

GAME = TAVAAL(VAAL(PLAIN, steps=Steps(0.0, 200, 200)))
SHORT = TAVAAL(VAAL(PLAIN, steps=Steps(0.0, 15, 15)))


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[Toy, Fit]]:
    one = toy()
    yield one, one.fit(GAME)


def told(network: Any, ranker: Any, x: Tensor) -> Tensor:
    with torch.no_grad(), tapped(network) as seen:
        network(x)
        return ranks(ranker, list(seen.values()))


def test_the_uncovered_cluster_is_asked_for(played: tuple[Toy, Fit]) -> None:
    one, fit = played
    rank = told(one.network, fit.modules["ranker"], one.x)
    with torch.no_grad():
        logits = fit.modules["discriminator"](fit.modules["vae"](one.x), rank)
    assert logits[:LABELLED].mean() > logits[one.uncovered].mean()
    assert one.share(-logits[LABELLED:]) >= 0.9
    assert fit.notes["latent_variance"] > 0.01 and 0.6 < fit.notes["discriminator_auc"] < 0.97 and fit.notes["rank_deviation"] > 0


def test_ranks_enter_the_discriminator_and_the_decoder(played: tuple[Toy, Fit]) -> None:
    one, fit = played
    rank = told(one.network, fit.modules["ranker"], one.x)
    coder, judge = fit.modules["vae"], fit.modules["discriminator"]
    with torch.no_grad():
        mu = coder(one.x)
        assert not torch.equal(judge(mu, rank), judge(mu, rank.flip(0)))
        assert not torch.equal(coder.decode(mu, rank), coder.decode(mu, rank.flip(0)))  # type: ignore[operator]


def test_the_rankers_loss_pulls_estimates_into_the_order_of_the_losses() -> None:
    estimate = torch.tensor([0.3, -0.1, 0.2, 0.7], requires_grad=True)
    losses = relaxed(estimate, torch.tensor([2.0, 1.0, 5.0, 1.5]))
    p = torch.sigmoid(torch.tensor([0.3 - 0.7, -0.1 - 0.2]))
    torch.testing.assert_close(losses.detach(), torch.stack([-p[0].log(), -(1 - p[1]).log()]))
    losses.sum().backward()  # type: ignore[no-untyped-call]
    assert estimate.grad is not None
    assert (estimate.grad.sign() == torch.tensor([-1.0, 1.0, -1.0, 1.0])).all(), "down the gradient, larger losses get larger estimates"
    assert relaxed(torch.tensor([3.0, 0.0, 9.0]), torch.tensor([1.0, 5.0, 1.0])).tolist() == [0.0], "a tie has no order, an odd item no partner"


def test_no_gradient_of_the_game_reaches_network_or_ranker() -> None:
    ranked_only, played = toy(dropout=0.3), toy(dropout=0.3)
    first = ranked_only.fit(dataclasses.replace(SHORT, game=dataclasses.replace(SHORT.game, steps=Steps(0.0, 1, 1))))
    second = played.fit(SHORT)
    for one, other in ((ranked_only.network, played.network), (first.modules["ranker"], second.modules["ranker"])):
        assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())
    hidden = [torch.ones(2, 16, requires_grad=True)]
    assert not ranks(first.modules["ranker"], hidden).requires_grad


def test_detached_from_the_start_the_network_trains_as_without_the_ranker() -> None:
    plain, beside, joint = toy(), toy(), toy()
    plain.fit(PLAIN)
    beside.fit(dataclasses.replace(SHORT, detach=0.0))
    joint.fit(SHORT)
    same = [all(torch.equal(t, one.network.state_dict()[n]) for n, t in plain.network.state_dict().items()) for one in (beside, joint)]
    assert same == [True, False]


@pytest.mark.parametrize("phase", ["vae", "discriminator"])
def test_each_player_moves_its_own_objective_down(phase: str) -> None:
    one = toy()
    scheme = dataclasses.replace(SHORT, game=dataclasses.replace(SHORT.game, adversarial=100.0))

    def objective(modules: Any) -> Tensor:
        rank = told(one.network, modules["ranker"], one.x)
        logits = modules["discriminator"](modules["vae"](one.x), rank)
        if phase == "vae":
            return looks(logits, so=True)
        return looks(logits[:LABELLED], True).mean() + looks(logits[LABELLED:], False).mean()

    from querist.learn.programme import Programme

    programme: Programme = scheme.programme(one.setting)
    assert moved(programme, one.setting, "game", phase, objective) < 0


def test_its_row_brings_the_scheme(tmp_path: Path) -> None:
    inputs = ArrayInputs(ArrayPool(clouds(60)))
    runtime = LearnerRuntime(inputs, inputs, Learner(MLP((8,)), SHORT), catalogue.acquisition("ta_vaal"))
    first = runtime.train_score_select(job(tmp_path), no_report)
    assert first.ranking == runtime.train_score_select(job(tmp_path), no_report).ranking, "restored from the folder"
    assert catalogue.scheme_name("ta_vaal") == "ta_vaal_training"
