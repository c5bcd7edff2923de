"""Training on generated items: a generator learns from labelled items what items of a class look like, and the network learns from both.

Three players in turn: a variational auto-encoder whose decoder is the generator, a discriminator, and the network, which is the classifier
of an auxiliary-classifier GAN. All of them see labelled items only. What is generated lives in a step; no store ever sees it.

Reference:
    Tran, Pham, Carneiro, Palmer & Reid 2017, "A Bayesian data augmentation approach for learning deep models", arXiv 1710.10564;
    Tran, Do, Reid & Carneiro 2019, "Bayesian generative active deep learning", arXiv 1904.11643; Odena, Olah & Shlens 2017, arXiv 1610.09585.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.layout import layout
from querist.learn.programme import Optimiser, Phase, Programme, Programmed, Setting, Term
from querist.learn.schemes.adversaries import continuous, looks
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import Training, carried_out
from querist.nets.base import Network
from querist.nets.critic import critic
from querist.nets.vae import nats, vae

PLAYERS = 7
"""Number of the first generator of weights of the players."""

ASKED = 512
"""Labelled items by which the generator is judged in the end."""


@dataclass(frozen=True)
class Generated:
    """The inner scheme with generated items of the labelled items' classes.

    Attributes:
        inner: What trains the network.
        weight: Of the generated items in the network's loss; 0 is the inner scheme.
        near: Whether items are also generated near labelled ones, from their codes (BGADL); else from the prior alone (BDA).
        latent: Dimensions of the code.
        rate: Learning rate of generator and discriminator.
        late: Share of the steps before generated items count: until then they are noise.
    """

    inner: Programmed = Supervised()
    weight: float = 0.5
    near: bool = True
    latent: int = 16
    rate: float = 1e-3
    late: float = 0.3

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`.

        Raises:
            UsageError: for inputs that are word indices.
            TrainingError: when training diverges.
        """
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """In every step the generator moves, then the discriminator, then the network."""
        inner = self.inner.programme(setting)
        if not self.weight:
            return inner
        shape, classes = continuous(setting, "a generator"), setting.task.outputs
        coder = vae(shape, setting.generator(PLAYERS), latent=self.latent, condition=classes)
        judge = critic(shape, setting.generator(PLAYERS + 1))
        kept: dict[str, Tensor] = {}

        def generate(step: Step) -> Tensor:
            """All that the generator answers for: reconstruction, prior, fooling the discriminator, the right class."""
            y = functional.one_hot(step.y, classes).float()
            code = coder.encode(layout(step.x))
            near = coder.decode(code.draw(step.noise), y)
            far = coder.decode(torch.randn((len(step.y), self.latent), generator=step.noise), y)
            kept["near"], kept["far"] = near.detach(), far.detach()
            size = float(step.x[0].numel())
            fooled = looks(judge(layout(far)), so=True) + step.task.loss(step.network(layout(far)), step.y)
            return (nats(step.x, near) + code.kl().sum(dim=1)) / size + fooled

        def judged(step: Step) -> Tensor:
            fakes = [kept["far"], kept["near"]] if self.near else [kept["far"]]
            return looks(judge(step.x), so=True) + torch.stack([looks(judge(layout(fake)), so=False) for fake in fakes]).mean(dim=0)

        def learned(step: Step) -> Tensor:
            if step.progress < self.late:  # noise as yet, which would move the network's running statistics too
                return torch.zeros(0)
            fakes = [kept["far"], kept["near"]] if self.near else [kept["far"]]
            losses = [step.task.loss(step.outputs(fake).logits, step.y) for fake in fakes]
            return torch.stack(losses).mean(dim=0)

        def noted(training: Training) -> None:
            x, y = setting.data.x[:ASKED], torch.from_numpy(setting.data.y[:ASKED])
            with torch.no_grad():
                near = coder.decode(coder.encode(layout(x)).mu, functional.one_hot(y, classes).float())
            training.notes["squared distance of what is generated near an item"] = float((near - x).square().mean())

        stage = inner.stage()
        number = max(place for place, phase in enumerate(stage.phases) if "network" in phase.updates)
        move = stage.phases[number]
        term = Term("generated", learned, self.weight)
        rule = Optimiser(self.rate, betas=(0.5, 0.99))
        phases = (
            *stage.phases[:number],
            Phase("generate", (Term("generator", generate),), rule, ("generator",), still=("network",)),
            Phase("judge", (Term("discriminator", judged),), rule, ("discriminator",)),
            dataclasses.replace(move, terms=(*move.terms, term)),
            *stage.phases[number + 1 :],
        )
        made = inner.with_stage(dataclasses.replace(stage, phases=phases))
        return dataclasses.replace(made, modules={**made.modules, "generator": coder, "discriminator": judge}, after=(*made.after, noted))

    def around(self, scheme: Any) -> Generated:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)
