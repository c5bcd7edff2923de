"""Adversarial representation active learning: one game of classifier, generator, encoder and sampler.

The classifier is a discriminator too: its logits say how real an input is. It learns from labelled, unlabelled and generated inputs;
a decoder given a class generates them; encoder and decoder are a VAE; a sampler tells codes of labelled from unlabelled inputs.

Reference:
    Mottaghi & Yeung 2019, "Adversarial representation active learning", arXiv 1912.09720;
    feature matching and a discriminator of K logits: Salimans et al. 2016, arXiv 1606.03498.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.device import evaluating, scoring
from querist.learn.layout import layout
from querist.learn.programme import Optimiser, Phase, Programme, Programmed, Setting, Stage, Term
from querist.learn.schemes.adversaries import Player, continuous, known, labelled_inputs, looks, own, player, samples
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.schemes.vaal import noted as game_noted
from querist.learn.schemes.waal import ALIKE
from querist.learn.step import Step
from querist.learn.training import Training, carried_out
from querist.nets.base import Network
from querist.nets.vae import VAE, Code, nats, vae
from querist.tasks.classification.learning import ClassificationHead


@dataclass(frozen=True)
class ARAL:
    """The inner scheme as one player of four; it provides `labelled_look`.

    Attributes:
        inner: What trains the network.
        steps: The step rule of the game; the inner scheme's steps if those are more.
        batch: Unlabelled, and generated, inputs of a step.
        weight: Of telling real from generated inputs.
        beside: Of all that the encoder and the sampler want, against feature matching.
        latent: Dimensions of the code.
        channels: Of the VAE's convolutions.
        hidden: Width of the VAE's hidden layers for vectors.
        width: Of the sampler's hidden layers.
        rate: Learning rate of encoder, generator and sampler.
    """

    inner: Programmed = Supervised()
    steps: Steps = Steps(0.3, 240, 1500)
    batch: int = 64
    weight: float = 0.1
    beside: float = 0.001
    latent: int = 16
    channels: tuple[int, ...] = (16, 32)
    hidden: int = 128
    width: int = 32
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
        """The inner programme, whose network also tells real from generated, and a phase of the VAE and one of the sampler."""
        shape, classes = continuous(setting, "ARAL"), setting.task.outputs
        coder = vae(shape, own(setting, 6), latent=self.latent, channels=self.channels, hidden=self.hidden, condition=classes)
        sampler = player(self.latent, self.width, own(setting, 7))
        base = self.inner.programme(setting)
        game = _Game(self, coder, sampler, classes, known(base.stage(), setting))
        joined = base.joined(
            Term("real", lambda step: unreal(game.logits(step, step.view(ALIKE)), real=True), self.weight, unlabelled=True),
            Term("generated", lambda step: unreal(game.logits(step, game.generated(step)[0].detach()), real=False), self.weight, unlabelled=True),
        )
        stage: Stage = joined.stage()
        rule = Optimiser(self.rate, betas=(0.5, 0.999))
        turns = (
            Phase("vae", game.coding(), rule, ("vae",), still=("network",)),
            Phase("discriminator", game.sampling(), rule, ("discriminator",)),
        )
        stage = dataclasses.replace(
            stage, steps=max(stage.steps, self.steps(len(setting.data.y))), phases=(*stage.phases, *turns), unlabelled=max(stage.unlabelled, self.batch),
            views={**stage.views, ALIKE: stage.augment},
        )  # fmt: skip
        changed = joined.with_stage(stage)
        return dataclasses.replace(changed, modules={**changed.modules, "vae": coder, "discriminator": sampler}, after=(*changed.after, noted))

    def around(self, scheme: Any) -> ARAL:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)


@dataclass(frozen=True)
class _Game:
    """The terms of the players beside the classifier."""

    of: ARAL
    coder: VAE
    sampler: Player
    classes: int
    count: int

    def generated(self, step: Step) -> tuple[Tensor, Tensor]:
        """Inputs of classes drawn evenly, and the latent points that they were made from."""
        count = len(step.unlabelled)
        z = torch.randn((count, self.of.latent), generator=step.noise)
        return self.coder.decode(z, self._one(torch.randint(self.classes, (count,), generator=step.noise))), z

    def logits(self, step: Step, x: Tensor) -> Tensor:
        """The classifier's, as it would answer: generated inputs must not enter BatchNorm's statistics."""
        with evaluating(step.network):
            return step.outputs(x).logits

    def coding(self) -> tuple[Term, ...]:
        """What generator and encoder want."""

        def matching(step: Step) -> Tensor:
            made, real = step.outputs(self.generated(step)[0]).features, step.asked(step.view(ALIKE)).features
            return (made.mean(dim=0) - real.mean(dim=0)).abs()

        def found_again(step: Step) -> Tensor:
            made, z = self.generated(step)
            return surprise(z, self.coder.encode(layout(made)))

        def coded(step: Step) -> Tensor:
            x = step.view(ALIKE)
            target, _ = step.task.pseudo(step.asked(x).logits)
            code = self.coder.encode(x)
            return nats(x, self.coder.decode(code.draw(step.noise), self._one(target))) + code.kl().sum(dim=1) + looks(self.sampler(code.mu), so=True)

        def fooled(step: Step) -> Tensor:
            return looks(self.sampler(self.coder(layout(labelled_inputs(step, self.count)))), so=True)

        small = self.of.beside
        return (
            Term("feature matching", matching, unlabelled=True),
            Term("found again", found_again, small * self.classes, unlabelled=True),
            Term("code unlabelled", coded, small, unlabelled=True),
            Term("fool labelled", fooled, small, unlabelled=True),
        )

    def sampling(self) -> tuple[Term, ...]:
        """What the sampler wants."""

        def sampled(step: Step, x: Tensor, labelled: bool) -> Tensor:
            return looks(self.sampler(self.coder(layout(x)).detach()), labelled)

        return (
            Term("sample labelled", lambda step: sampled(step, labelled_inputs(step, self.count), True), unlabelled=True),
            Term("sample unlabelled", lambda step: sampled(step, step.view(ALIKE), False), unlabelled=True),
        )

    def _one(self, y: Tensor) -> Tensor:
        return functional.one_hot(y, self.classes).float()


def unreal(logits: Tensor, real: bool) -> Tensor:
    """Binary cross-entropy (n,) of P(real) = Z / (Z + 1), Z the sum of the exponentials of K logits: a discriminator whose logit is log Z."""
    return looks(torch.logsumexp(logits, dim=1), real)


def surprise(z: Tensor, code: Code) -> Tensor:
    """Negative log-likelihood (n,) of latent points under their codes, up to a constant."""
    return 0.5 * ((z - code.mu).square() / code.logvar.exp() + code.logvar).sum(dim=1)


def noted(training: Training) -> None:
    """As of VAAL, and how real the classifier finds unlabelled inputs."""
    game_noted(training)
    found = samples(training.setting)
    if found is not None:
        with scoring(training.setting.network) as network:
            training.notes["realness"] = float(torch.logsumexp(network(layout(found[1])), dim=1).sigmoid().mean())
