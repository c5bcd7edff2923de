"""Variational adversarial active learning: a VAE codes labelled and unlabelled inputs, a discriminator tells the codes apart.

The network that answers is trained by the scheme inside and never touched; the VAE and the discriminator read inputs alone.

Reference:
    Sinha, Ebrahimi & Darrell 2019, "Variational adversarial active learning", arXiv 1904.00370.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.device import scoring
from querist.learn.layout import layout
from querist.learn.programme import Optimiser, Phase, Programme, Programmed, Setting, Stage, Term
from querist.learn.schemes.adversaries import ADVERSARIES, Player, auc, continuous, known, labelled_inputs, looks, of_latent, own, player, samples
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.step import Step
from querist.learn.training import Training, carried_out
from querist.nets.base import Network
from querist.nets.vae import VAE, nats, vae
from querist.tasks.classification.learning import ClassificationHead

Condition = Callable[[Step, Tensor], Tensor | None]
"""Inputs → what decoder and discriminator read beside a code (n, condition)."""


@dataclass(frozen=True)
class VAAL:
    """The inner scheme, then a VAE and a discriminator in turn; they provide `labelled_look`.

    Attributes:
        inner: What trains the network.
        steps: The step rule of the game: in each step two steps of the VAE, one of the discriminator.
        batch: Labelled and unlabelled inputs of a step, as many of each.
        latent: Dimensions of the code.
        channels: Of the VAE's convolutions.
        hidden: Width of the hidden layers for vectors.
        width: Of the discriminator's hidden layers.
        beta: Of the divergence from the prior.
        rise: Share of the steps in which that weight rises to beta.
        adversarial: Of fooling the discriminator, against the bound of one pixel (or column).
        rate: Learning rate of both players.
    """

    inner: Programmed = Supervised()
    steps: Steps = Steps(0.1, 300, 600)
    batch: int = 64
    latent: int = 16
    channels: tuple[int, ...] = (16, 32)
    hidden: int = 128
    width: int = 32
    beta: float = 1.0
    rise: float = 0.25
    adversarial: float = 0.1
    rate: float = 1e-3
    provides: ClassVar[frozenset[str]] = frozenset({"labelled_look"})

    def fit(self, network: Network, task: ClassificationHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`.

        Raises:
            UsageError: for inputs that are word indices.
            TrainingError: when training diverges.
        """
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, then the game."""
        shape = continuous(setting, "VAAL")
        coder = vae(shape, own(setting, 0), latent=self.latent, channels=self.channels, hidden=self.hidden)
        judge = player(self.latent, self.width, own(setting, 1))
        base = self.inner.programme(setting)
        return dataclasses.replace(
            base,
            stages=(*base.stages, game(self, setting, coder, judge)),
            modules={**base.modules, "vae": coder, "discriminator": judge},
            after=(*base.after, noted),
        )

    def around(self, scheme: Any) -> VAAL:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)


def game(of: VAAL, setting: Setting, coder: VAE, judge: Player, beside: Condition = lambda step, x: None) -> Stage:
    """The stage in which the two players move in turn.

    Args:
        of: Sizes and weights.
        setting: Where the labelled items are counted.
        coder: The module `vae`.
        judge: The module `discriminator`.
        beside: What decoder and discriminator read beside a code.
    """
    stage = Stage("game", of.steps(len(setting.data.y)), (), batch=of.batch, unlabelled=of.batch, part=ADVERSARIES)
    count = known(stage, setting)

    def coded(step: Step, x: Tensor) -> Tensor:
        """How badly inputs are coded, and how unlike labelled ones they look."""
        condition, code = beside(step, x), coder.encode(layout(x))
        bound = nats(x, coder.decode(code.draw(step.noise), condition)) + of.beta * min(1.0, step.progress / of.rise) * code.kl().sum(dim=1)
        return bound + of.adversarial * math.prod(x.shape[1:]) * looks(judge(code.mu, condition), so=True)

    def judged(step: Step, x: Tensor, labelled: bool) -> Tensor:
        with torch.no_grad():
            mu = coder(layout(x))
        return looks(judge(mu, beside(step, x)), labelled)

    coding = (
        Term("code labelled", lambda step: coded(step, labelled_inputs(step, count))),
        Term("code unlabelled", lambda step: coded(step, step.unlabelled), unlabelled=True),
    )
    judging = (
        Term("judge labelled", lambda step: judged(step, labelled_inputs(step, count), True), unlabelled=True),
        Term("judge unlabelled", lambda step: judged(step, step.unlabelled, False), unlabelled=True),
    )
    rule = Optimiser(of.rate)
    return dataclasses.replace(stage, phases=(Phase("vae", coding, rule, ("vae",), repeats=2), Phase("discriminator", judging, rule, ("discriminator",))))


def noted(training: Training) -> None:
    """Whether the latent has collapsed and what the discriminator can tell: area under its curve on labelled against unlabelled items."""
    found = samples(training.setting)
    if found is None:
        return
    coder, judge = training.modules["vae"], training.modules["discriminator"]
    assert isinstance(coder, VAE)
    with scoring(coder), scoring(judge):
        labelled, unlabelled = (coder.encode(layout(x)) for x in found)
        training.notes |= of_latent(unlabelled)
        training.notes["discriminator_auc"] = auc(judge(labelled.mu), judge(unlabelled.mu))
