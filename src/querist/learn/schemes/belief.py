"""Deep belief networks: hidden layers are trained one after the other as Boltzmann machines on all inputs, then the network learns from labels.

Reference:
    Hinton, Osindero & Teh 2006; Zhou, Chen & Wang 2010, "Active deep networks for semi-supervised sentiment classification" (COLING);
    Wang & Shang 2014, "A new active labeling method for deep learning" (IJCNN).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from querist.core.contracts import Report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.core.spec import digest, spec
from querist.learn.programme import TRAIN, Hook, Once, Optimiser, Phase, Programme, Programmed, Setting, Stage, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import Training, carried_out
from querist.nets.base import Network
from querist.nets.dbn import RBM, machines, unroll


@dataclass(frozen=True)
class Belief:
    """Layer-wise pre-training on labelled and unlabelled inputs, once in a project, then the inner scheme from there.

    Attributes:
        inner: What trains the network from labels.
        steps: Optimiser steps of each machine.
        batch: Inputs of a step.
        rate: Learning rate of the machines.
    """

    inner: Programmed = Supervised()
    steps: int = 300
    batch: int = 100
    rate: float = 0.005

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`.

        Raises:
            UsageError: for a network that is no stack of sigmoid layers.
        """
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """A stage for each machine, and the inner programme, whose training stage begins with their weights."""
        stack = machines(setting.network, setting.generator(0))
        if not stack:
            raise UsageError("a belief network is a stack of sigmoid layers", got="another network", wanted="that of the recipe dbn", hint="--recipe dbn")
        key = digest({**spec(self), "inner": None})[:12]
        names = [f"machine-{number + 1}" for number in range(len(stack))]
        stages = [self._stage(setting, stack[: number + 1], name, number + 1, key) for number, name in enumerate(names)]
        inner = self.inner.programme(setting)

        def begin(_training: Training) -> None:
            before = setting.data.before
            held = not any(parameter.requires_grad for parameter in setting.network.trunk.parameters())
            if not held and (before is None or not before.continued):
                unroll(stack, setting.network)

        train = inner.stage(TRAIN)
        ready = inner.with_stage(dataclasses.replace(train, hooks=(Hook(begin), *train.hooks)))
        return dataclasses.replace(ready, stages=(*stages, *ready.stages), modules={**ready.modules, **dict(zip(names, stack, strict=True))})

    def _stage(self, setting: Setting, below: Sequence[RBM], name: str, part: int, key: str) -> Stage:
        pool = setting.data.pool is not None and len(setting.data.pool) > 0

        def contrast(step: Step) -> Tensor:
            v = (step.unlabelled if pool else step.x).flatten(1)
            with torch.no_grad():
                for machine in below[:-1]:
                    v = machine.hidden(v)
            return below[-1].contrast(v, step.noise)

        phase = Phase(name, (Term("contrastive divergence", contrast),), Optimiser(self.rate, 2e-4), (name,))
        return Stage(name, self.steps, (phase,), batch=self.batch, unlabelled=self.batch, everything=True, part=part, once=Once((name,), key))

    def around(self, scheme: Any) -> Belief:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)


@dataclass(frozen=True)
class Exponential:
    """The inner scheme with the loss of active deep networks: Σ_j exp(-y_j h_j) over outputs, y = 1 for the class and -1 for all others.

    Attributes:
        inner: What it changes.
    """

    inner: Programmed = Belief()

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme with that term in the place of the labelled one."""
        inner = self.inner.programme(setting)
        stage = inner.stage()
        swapped = Term("labelled", lambda step: exponential(step.output.logits, step.y, step.weight))
        phases = [
            dataclasses.replace(phase, terms=tuple(swapped if term.name == "labelled" else term for term in phase.terms)) for phase in stage.phases
        ]  # fmt: skip
        return inner.with_stage(dataclasses.replace(stage, phases=tuple(phases)))

    def around(self, scheme: Any) -> Exponential:
        """The same with another scheme at the bottom."""
        around = getattr(self.inner, "around", None)
        return dataclasses.replace(self, inner=scheme if around is None else around(scheme))


def exponential(output: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Σ_j exp(-y_j h_j), (n,).

    Args:
        output: h (n, c).
        target: Class positions (n,).
        weight: Of the items (n,), None for 1 each.
    """
    signs = torch.full_like(output, -1.0).scatter(1, target[:, None], 1.0)
    losses = torch.exp(-signs * output).sum(dim=1)
    return losses if weight is None else losses * weight
