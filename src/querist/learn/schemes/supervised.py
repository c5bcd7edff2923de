"""Plain supervised training: a fixed number of optimiser steps, equal for every method with as many labels.

Reference:
    AdamW arXiv:1711.05101; one-cycle arXiv:1708.07120; label smoothing arXiv:1512.00567; weight averaging arXiv:1803.05407.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.augment import Augment
from querist.learn.programme import TRAIN, Optimiser, Phase, Programme, Setting, Stage, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.stage_run import hold_back
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.nets.base import Network


@dataclass(frozen=True)
class Steps:
    """Optimiser steps as a function of the number of labels alone: clip(per_label · labels, low, high)."""

    per_label: float = 0.3
    low: int = 300
    high: int = 1500

    def __call__(self, labels: int) -> int:
        """Number of steps for this many labels."""
        return int(min(max(math.ceil(self.per_label * labels), self.low), self.high))


@dataclass(frozen=True)
class Supervised:
    """AdamW with a one-cycle schedule.

    Attributes:
        steps: The step rule.
        batch: Items per step, at most all there are; shuffled epochs are laid end to end, so every step sees a full batch.
        rate: Peak learning rate.
        warmup: Share of the steps in which the rate rises.
        weight_decay: Decoupled weight decay.
        smoothing: Label smoothing.
        augment: Augmentation of each training batch.
        weighted: Weigh the loss as the task makes up for unequal targets (inverse class frequency in classification).
        average: Share of the last steps whose weights are averaged; 0 keeps the last weights.
        validation: Share of the *labelled* items (counted in the budget) held back to choose the best of ten
            checkpoints; 0 trains on all and keeps the last.
    """

    steps: Steps = Steps()
    batch: int = 64
    rate: float = 4e-3
    warmup: float = 0.25
    weight_decay: float = 0.05
    smoothing: float = 0.05
    augment: Augment = Augment()
    weighted: bool = False
    average: float = 0.0
    validation: float = 0.0

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`.

        Raises:
            TrainingError: when the loss is not finite, naming phase, term and step.
        """
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """One stage of one phase of one term."""
        labels = setting.data.y
        weights = None
        if self.weighted:
            train, _ = hold_back(len(labels), self.validation, setting.streams)
            weights = torch.from_numpy(setting.task.weights(labels[train]))
        phase = Phase(TRAIN, (labelled(self.smoothing, weights),), Optimiser(self.rate, self.weight_decay, self.warmup))
        stage = Stage(
            TRAIN, self.steps(len(labels)), (phase,), batch=self.batch, augment=self.augment, average=self.average, validation=self.validation
        )  # fmt: skip
        return Programme((stage,))


def labelled(smoothing: float = 0.0, weights: Tensor | None = None) -> Term:
    """The loss of the labelled batch; an item's weight counts."""

    def loss(step: Step) -> Tensor:
        losses = step.task.loss(step.output.logits, step.y, smoothing=smoothing, weights=weights)
        return losses if step.weight is None else losses * step.weight

    return Term("labelled", loss)
