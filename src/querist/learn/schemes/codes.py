"""A small auto-encoder of the whole pool's inputs, trained once in a project: few numbers that say what an item looks like.

Its codes are drawn towards a normal distribution as a whole (maximum mean discrepancy), not one by one, so they stay informative. The
network that answers is trained by the scheme inside and never touched.

Reference:
    Zhao, Song & Ermon 2019 (InfoVAE), arXiv 1706.02262, as Ozdemir et al. 2019, arXiv 1912.10493, use it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.core.spec import digest
from querist.learn.layout import layout
from querist.learn.programme import Once, Optimiser, Phase, Programme, Programmed, Setting, Stage, Term
from querist.learn.schemes.adversaries import continuous
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.nets.base import Network
from querist.nets.vae import vae

PART = 23
"""Of the streams; see `Stage.part`."""


@dataclass(frozen=True)
class Codes:
    """The inner scheme, and in the first round the auto-encoder; it provides `codes`.

    Attributes:
        inner: What trains the network.
        steps: Steps of the auto-encoder.
        batch: Inputs of a step, labelled and unlabelled.
        latent: Numbers of a code.
        channels: Of the convolutions.
        weight: λ of the discrepancy from the normal distribution.
        rate: Learning rate.
    """

    inner: Programmed = Supervised()
    steps: int = 600
    batch: int = 64
    latent: int = 5
    channels: tuple[int, ...] = (16, 32)
    weight: float = 1000.0
    rate: float = 2e-3
    provides: ClassVar[frozenset[str]] = frozenset({"codes"})

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`.

        Raises:
            UsageError: for inputs that are word indices.
        """
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, then the auto-encoder, whose weights later rounds recall."""
        coder = vae(continuous(setting, "Codes"), setting.generator(PART), latent=self.latent, channels=self.channels)
        pooled = setting.data.pool is not None and len(setting.data.pool) > 0

        def coded(step: Step) -> Tensor:
            x = layout(step.unlabelled if pooled else step.x)
            z = coder(x)
            off = (coder.decode(z) - x).flatten(1)
            wanted = torch.randn(z.shape, generator=step.noise)
            return 0.5 * (off.abs() + off.square()).sum(dim=1) + self.weight * discrepancy(z, wanted)

        phase = Phase("coder", (Term("code", coded, unlabelled=pooled),), Optimiser(self.rate), ("coder",))
        key = digest({"codes": [self.steps, self.batch, self.latent, list(self.channels), self.weight, self.rate]})[:16]
        stage = Stage("codes", self.steps, (phase,), batch=self.batch, unlabelled=self.batch, everything=True, part=PART, once=Once(("coder",), key))
        base = self.inner.programme(setting)
        return dataclasses.replace(base, stages=(*base.stages, stage), modules={**base.modules, "coder": coder})

    def around(self, scheme: Any) -> Codes:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)


def discrepancy(a: Tensor, b: Tensor) -> Tensor:
    """Squared maximum mean discrepancy of two samples (n, l), by the kernel exp(-mean_d (a_d - b_d)² / l); about 0 for samples of one distribution."""

    def alike(x: Tensor, y: Tensor) -> Tensor:
        return torch.exp(-(x[:, None] - y[None]).square().mean(dim=2) / x.shape[1]).mean()

    return alike(a, a) + alike(b, b) - 2.0 * alike(a, b)
