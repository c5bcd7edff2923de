"""Learning from another, labelled data set first, with features that do not tell its items from those of the pool.

Reference:
    Ganin et al. 2016, "Domain-adversarial training of neural networks", arXiv 1505.07818 (gradient reversal and its schedule);
    Kasai, Qian, Gurajada, Li & Popa 2019, arXiv 1906.08042 (records of another catalogue first, then active learning).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.learn.augment import Augment
from querist.learn.programme import PART as STREAMS
from querist.learn.programme import Optimiser, Phase, Setting, Stage, Term
from querist.learn.schemes.adversaries import looks, player
from querist.learn.source import Opened, Source
from querist.learn.step import Step
from querist.learn.unlabelled import Order

PART = 13
"""Of the streams; see `Stage.part`."""

BATCHES = 500 + PART
"""Number of the streams that order the source's items."""


@dataclass(frozen=True)
class DomainAdversarial:
    """What is learnt: the answers of the source's items, from features by which a classifier cannot tell source from pool.

    Of every step one half are labelled items of the source, the other half inputs of the pool. The whole network is handed on, its head too.

    Attributes:
        source: The labelled data set.
        steps: Optimiser steps.
        batch: Items of a step, of the source and of the pool alike.
        weight: Of the reversed gradient when it has grown to its end; 0 learns from the source alone.
        rate: Peak learning rate, of the network and of the classifier.
        weight_decay: Decoupled weight decay.
        width: Of the classifier's hidden layers.
        augment: Of both halves.
    """

    source: Source = Source("")
    steps: int = 1000
    batch: int = 64
    weight: float = 1.0
    rate: float = 4e-3
    weight_decay: float = 0.05
    width: int = 64
    augment: Augment = Augment()
    leaves: ClassVar[tuple[str, ...]] = ("network",)

    def stage(self, setting: Setting, width: int) -> tuple[Stage, Mapping[str, nn.Module]]:
        """See `Pretext`.

        Raises:
            UsageError: if no source is named.
        """
        if not self.source.at:
            raise UsageError("there is no data set to learn from first", got="no source", wanted="by.source.at: a named set, a folder or a table with labels")
        judge = player(width, self.width, setting.generator(PART))
        drawn = Drawn(self.source, setting, self.batch)

        def learnt(step: Step) -> Tensor:
            x, y = drawn(step.number)
            own, other = self.augment(x, step.noise), step.view("pool")
            output = step.outputs(torch.cat([own, other]))
            losses = step.task.loss(output.logits[: len(own)], y)
            if not self.weight:
                return losses
            logits = judge(reversed_gradient(output.features, self.weight * grown(step.progress)))
            told = torch.cat([looks(logits[: len(own)], True), looks(logits[len(own) :], False)])
            return losses + told.mean()

        phase = Phase("source", (Term("source", learnt, unlabelled=True),), Optimiser(self.rate, self.weight_decay, 0.25), ("network", "judge"))
        stage = Stage("source", self.steps, (phase,), unlabelled=self.batch, views={"pool": self.augment}, part=PART)
        return stage, {"judge": judge}


class Drawn:
    """Batches of the source, which is opened when the first is asked for.

    Args:
        source: The labelled data set.
        setting: Whose network reads it.
        size: Items of a batch.
    """

    def __init__(self, source: Source, setting: Setting, size: int) -> None:
        self._source, self._setting, self._size = source, setting, size
        self._order: Order | None = None
        self._last = -1

    def __call__(self, number: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of a step's batch. A step before the last one begins anew: a stage that diverged is tried again."""
        if self._order is None or number <= self._last:
            streams = self._setting.streams
            self._order = Order(len(self._opened), self._size, streams.of(streams.member + STREAMS * BATCHES)("loader"))
        self._last = number
        return self._opened.batch(self._order(number))

    @cached_property
    def _opened(self) -> Opened:
        return self._source.open(self._setting)


def reversed_gradient(features: Tensor, weight: float) -> Tensor:
    """The features as they are, whose gradient comes back times -`weight`."""
    still = features.detach()
    return still - weight * (features - still)


def grown(progress: float) -> float:
    """2 / (1 + exp(-10 p)) - 1, from 0 at the beginning to nearly 1: a classifier that knows nothing yet reverses nothing."""
    return 2.0 / (1.0 + math.exp(-10.0 * progress)) - 1.0
