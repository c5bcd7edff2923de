"""What a scheme writes: stages of phases of loss terms. `learn.training` carries it out.

A *term* is a summand of a loss: unreduced losses from what a step shows. A *phase* is one optimiser step: which terms, and which modules
they move; adversaries are phases in turn. A *stage* is a number of steps with the same phases: pre-training, training, what comes after.
A scheme wraps another by changing its programme. Building a programme costs nothing; what costs is done in hooks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from querist.core.rng import Streams, torch_seed
from querist.learn.augment import Augment
from querist.learn.device import generator
from querist.learn.schemes.base import TrainingSet
from querist.learn.task import TaskHead
from querist.nets.base import Network

if TYPE_CHECKING:
    from querist.learn.step import Step
    from querist.learn.training import Training

TRAIN = "train"
"""The stage in which the network learns from labels; wrappers look for it."""

Transform = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class Setting:
    """What a programme is written for.

    Attributes:
        network: To be trained.
        task: Loss, targets, metrics.
        data: What there is to train on.
        streams: Named streams of the round and member.
    """

    network: Network
    task: TaskHead
    data: TrainingSet
    streams: Streams

    def generator(self, number: int) -> torch.Generator:
        """For the weights of a scheme's own modules; give each module a number of its own."""
        return generator(torch_seed(self.streams.of(self.streams.member + PART * (number + 1))("auxiliary")))


PART = 1_000_000
"""Added to a member's number for a stream of a further part."""


@dataclass(frozen=True)
class Term:
    """A summand of a loss.

    Attributes:
        name: For messages and notes.
        loss: Step → losses (m,), unreduced; m = 0 adds nothing. A gradient stops where the term detaches.
        weight: A factor, or a function of the stage's progress in [0, 1].
        unlabelled: Whether it reads unlabelled inputs; left out where there are none.
    """

    name: str
    loss: Callable[[Step], Tensor]
    weight: float | Callable[[float], float] = 1.0
    unlabelled: bool = False

    def at(self, progress: float) -> float:
        """The factor at this point of the stage."""
        return self.weight(progress) if callable(self.weight) else self.weight


@dataclass(frozen=True)
class Optimiser:
    """AdamW.

    Attributes:
        rate: Peak learning rate.
        weight_decay: Decoupled, on weights only.
        warmup: Share of the steps in which the rate rises; None keeps the rate constant.
        betas: Decay rates of the two moments.
    """

    rate: float
    weight_decay: float = 0.0
    warmup: float | None = None
    betas: tuple[float, float] = (0.9, 0.99)


@dataclass(frozen=True)
class Phase:
    """One optimiser step.

    Attributes:
        name: For messages and counts.
        terms: Their weighted means are summed.
        optimiser: How weights move.
        updates: Modules whose weights move; gradients flow through all others and into none of them.
        still: Modules that are in eval mode meanwhile.
        repeats: Times in each step; every repetition has batches of its own.
    """

    name: str
    terms: tuple[Term, ...]
    optimiser: Optimiser
    updates: tuple[str, ...] = ("network",)
    still: tuple[str, ...] = ()
    repeats: int = 1


@dataclass(frozen=True)
class Hook:
    """Something done between steps.

    Attributes:
        run: Told the training, which it may give pseudo-targets or notes.
        times: How often in the stage, at even distances, from the first step on.
        start: Share of the stage before that.
    """

    run: Callable[[Training], None]
    times: int = 1
    start: float = 0.0

    def at(self, steps: int) -> list[int]:
        """The steps of the stage before which it is done."""
        first = self.start * steps
        return [int(first + time * (steps - first) / self.times) for time in range(self.times)]


@dataclass(frozen=True)
class Once:
    """Says that a stage is carried out once in a project: later rounds find its result in their memory and begin with it.

    So every round that starts anew starts from the same weights, and pays for them once. A round that continues from the weights of the
    one before (`Before.continued`) keeps the network it has.

    Attributes:
        modules: Whose weights and buffers are the result; `network.trunk` names a part of one. What depends on the number of classes is no
            part of it: a class more, and the result would no longer fit.
        key: Of what the stage does, a digest of its configuration for example; what was kept under another key is not taken up.
    """

    modules: tuple[str, ...] = ("network.trunk",)
    key: str = ""


@dataclass(frozen=True)
class Follower:
    """A copy of a module whose weights follow it as an exponential mean; buffers are copied.

    Attributes:
        name: Under which terms find it.
        of: The module.
        decay: Of the mean; at step t at most 1 - 1 / (t + 1), so that it does not start from noise.
    """

    name: str = "teacher"
    of: str = "network"
    decay: float = 0.999


@dataclass(frozen=True)
class Group:
    """A part of every labelled batch, drawn from some of the items only.

    Attributes:
        size: Items of a step, at most all there are.
        rows: Places among the labelled items; None for the pseudo-labelled ones.
    """

    size: int
    rows: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Stage:
    """A number of steps.

    Attributes:
        name: For progress.
        steps: Their number, a function of the number of labels alone.
        phases: Carried out in turn in each step.
        batch: Labelled items of a step, at most all there are; pseudo-labelled ones are among them as often as there are of them.
        groups: Parts that the batch is put together of instead; those without items are left out, and without any `batch` holds.
        share: Of the batch that is labelled by people, where some of it is not; 0 leaves it to the numbers.
        unlabelled: Unlabelled items of a step.
        everything: Whether the inputs of labelled items are among the unlabelled ones too.
        augment: Of labelled batches.
        views: Name → transform of unlabelled batches.
        hooks: Between steps.
        followers: Of modules.
        average: Share of the last steps over which the network's weights are averaged; 0 keeps the last.
        validation: Share of the labelled items held back to choose the best of ten checkpoints.
        part: Number of the streams that it draws from; 0 is what plain training draws from.
        frozen: Modules, or parts such as `network.trunk`, whose weights and buffers stay as they are.
        once: If the stage is carried out in the first round alone, what comes of it.
    """

    name: str
    steps: int
    phases: tuple[Phase, ...]
    batch: int = 64
    groups: tuple[Group, ...] = ()
    share: float = 0.0
    unlabelled: int = 0
    everything: bool = False
    augment: Transform = Augment()
    views: Mapping[str, Transform] = field(default_factory=dict)
    hooks: tuple[Hook, ...] = ()
    followers: tuple[Follower, ...] = ()
    average: float = 0.0
    validation: float = 0.0
    part: int = 0
    frozen: tuple[str, ...] = ()
    once: Once | None = None


@dataclass(frozen=True)
class Programme:
    """Stages in order.

    Attributes:
        stages: One at least.
        modules: Trained beside the network, by name.
        answers: The module whose weights the network has in the end.
        hidden: Whether steps show the outputs of hidden layers.
        after: Done when all stages are.
        passing: Modules that are of no use once the fit is done: they are not kept beside the network.
    """

    stages: tuple[Stage, ...]
    modules: Mapping[str, nn.Module] = field(default_factory=dict)
    answers: str = "network"
    hidden: bool = False
    after: tuple[Callable[[Training], None], ...] = ()
    passing: tuple[str, ...] = ()

    def stage(self, name: str = TRAIN) -> Stage:
        """The stage of this name.

        Raises:
            KeyError: if there is none.
        """
        return {stage.name: stage for stage in self.stages}[name]

    def with_stage(self, changed: Stage) -> Programme:
        """The same with the stage of that name replaced."""
        return dataclasses.replace(self, stages=tuple(changed if stage.name == changed.name else stage for stage in self.stages))

    @property
    def steps(self) -> int:
        """Optimiser steps that move the network."""
        return sum(stage.steps * phase.repeats for stage in self.stages for phase in stage.phases if "network" in phase.updates)

    def joined(self, *terms: Term, modules: Mapping[str, nn.Module] | None = None, hidden: bool = False) -> Programme:
        """The same with further terms, and the weights of further modules, in the last phase of the training stage that moves the network."""
        stage = self.stage()
        number = max(place for place, phase in enumerate(stage.phases) if "network" in phase.updates)
        phase, new = stage.phases[number], dict(modules or {})
        joint = dataclasses.replace(phase, terms=(*phase.terms, *terms), updates=(*phase.updates, *new))
        phases = (*stage.phases[:number], joint, *stage.phases[number + 1 :])
        changed = self.with_stage(dataclasses.replace(stage, phases=phases))
        return dataclasses.replace(changed, modules={**self.modules, **new}, hidden=self.hidden or hidden)


class Programmed(Protocol):
    """A scheme that writes a programme."""

    def programme(self, setting: Setting) -> Programme: ...


def written(scheme: Programmed, setting: Setting) -> Programme:
    """The programme of a scheme; the constructors of torch's layers draw from the global stream, in vain."""
    with torch.random.fork_rng(devices=[]):
        return scheme.programme(setting)
