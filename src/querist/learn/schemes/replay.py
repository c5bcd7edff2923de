"""Incremental training: every step reads what was labelled last, and as much of what was labelled before.

Reference:
    Das, Bhatt, Bhalerao, Gao, Yang & Bilmes 2023, "Accelerating batch active learning using continual learning techniques" (CAL), arXiv 2305.06408;
    Buzzega et al. 2020 (dark experience replay), arXiv 2004.07211.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.device import evaluating
from querist.learn.layout import layout
from querist.learn.programme import Group, Programme, Programmed, Setting, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.stage_run import hold_back
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.nets.base import Network


@dataclass(frozen=True)
class Fewer:
    """The inner scheme, with a share of its steps in a round that builds on one before; the first round has all.

    Attributes:
        inner: What trains the network.
        effort: The share, in (0, 1].
    """

    inner: Programmed = Supervised()
    effort: float = 0.5

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, its stages shorter where there is a round before."""
        made = self.inner.programme(setting)
        if setting.data.before is None:
            return made
        stages = tuple(dataclasses.replace(stage, steps=max(math.ceil(self.effort * stage.steps), 1)) for stage in made.stages)
        return dataclasses.replace(made, stages=stages)

    def around(self, scheme: Any) -> Fewer:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)


@dataclass(frozen=True)
class Replay:
    """The inner scheme on batches half of new labels and half of the history; plain where there is no round before, or nothing new.

    Attributes:
        inner: What trains the network.
        history: Share of a batch that is drawn from the history; None draws from all labels alike, which is the inner scheme.
        distil: α: weight of the squared distance, for items of the history, between outputs now and those of the network before.
    """

    inner: Programmed = Supervised()
    history: float | None = 0.5
    distil: float = 0.0

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, its training stage on two groups of labels."""
        made, before = self.inner.programme(setting), setting.data.before
        old = np.array([item in before.ids for item in setting.data.ids], dtype=bool) if before is not None else np.zeros(len(setting.data.y), dtype=bool)
        if before is None or not old.any():
            return made
        stage = made.stage()
        if self.history is not None and not old.all():
            replayed = round(self.history * stage.batch)
            own = tuple(group for group in stage.groups if group.rows is None)  # pseudo-labelled items stay beside
            groups = (Group(stage.batch - replayed, _places(~old)), Group(replayed, _places(old)), *own)
            made = made.with_stage(dataclasses.replace(stage, groups=groups))
        if self.distil and before.network is not None:
            train, _ = hold_back(len(old), stage.validation, setting.streams)
            made = made.joined(distilled(before.network, setting.data.x[torch.from_numpy(train)], torch.from_numpy(old[train]), self.distil))
        return made

    def around(self, scheme: Any) -> Replay:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)


def _places(there: np.ndarray) -> tuple[int, ...]:
    return tuple(int(place) for place in np.flatnonzero(there))


def distilled(network: Network, x: Tensor, old: Tensor, weight: float) -> Term:
    """Squared distances to the outputs that a network gave for items of the history, the mean over outputs.

    Args:
        network: The one before, asked once, without augmentation, when the first step is made.
        x: What is trained on.
        old: Which of these are history (n,).
        weight: α.
    """
    stored = _once(network, x)

    def loss(step: Step) -> Tensor:
        own = step.rows < len(old)
        rows = step.rows[own]
        return (step.output.logits[own] - stored()[rows])[old[rows]].square().mean(dim=1)

    return Term("distil", loss, weight)


def _once(network: Network, x: Tensor) -> Callable[[], Tensor]:
    @cache
    def ask() -> Tensor:
        with evaluating(network), torch.no_grad():
            return torch.cat([network(layout(part)) for part in torch.split(x, 256)])

    return ask
