"""Adversarial twins: every labelled item is trained on twice, as it is and just beyond the boundary, with the same label.

Reference:
    Ducoffe & Precioso 2018 (DFAL), arXiv 1802.09841.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from querist.core.contracts import Report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.learn.layout import layout
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.statistics.deepfool import DeepFool
from querist.learn.statistics.points import OnBatch
from querist.learn.statistics.question import entrance, probing
from querist.learn.task import TaskHead
from querist.nets.base import Network

SECOND = 1_000_000
"""Added to a member's number: the second half draws from streams of its own."""

ROWS = 64


@dataclass(frozen=True)
class Twins:
    """The inner scheme for a part of the steps, twins of the labelled items by that network, the inner scheme on both for the rest.

    All steps together are as many as without twins, and depend on the number of labels alone: a twin is no label. Twins live
    in this fit only; the store never sees them.

    Attributes:
        inner: How both parts are trained; its own step rule is not used.
        steps: The step rule of the whole.
        share: Part of the steps before there are twins.
        attack: What makes them.
    """

    inner: Supervised = Supervised()
    steps: Steps = Steps()
    share: float = 0.5
    attack: DeepFool = DeepFool()

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`.

        Raises:
            UsageError: for a share outside (0, 1), an inner scheme that validates, or a network that reads word indices.
            TrainingError: when training diverges.
        """
        if not 0 < self.share < 1:
            raise UsageError("twins are made between two parts of the training", got=f"share={self.share:g}", wanted="0 < share < 1")
        if self.inner.validation:
            raise UsageError("an item would be validated on its twin", got=f"validation={self.inner.validation:g}", wanted="validation=0")
        total = self.steps(len(data.y))
        before = min(max(round(self.share * total), 1), total)
        done = self._inner(before).fit(network, task, data, streams, _span(report, 0, before, total))
        if before == total:  # a single step leaves none for twins
            return done
        doubled = with_twins(network, data, self.attack)
        later = streams.of(streams.member + SECOND)
        done = self._inner(total - before).fit(network, task, doubled, later, _span(report, before, total - before, total))
        return Fit(before + done.steps, done.loss)

    def around(self, scheme: Supervised) -> Twins:
        """The same with a recipe's scheme and step rule inside."""
        return dataclasses.replace(self, inner=scheme, steps=scheme.steps)

    def _inner(self, steps: int) -> Supervised:
        return dataclasses.replace(self.inner, steps=Steps(0.0, steps, steps))


def with_twins(network: Network, data: TrainingSet, attack: DeepFool, on_batch: OnBatch = lambda done: None) -> TrainingSet:
    """The labelled items followed by their twins, each with its item's label; an item that never flips has none.

    Args:
        network: Asked in eval mode, left as it is.
        data: The labelled items.
        attack: What makes the twins.
        on_batch: Told how many items are done.

    Raises:
        UsageError: for a network that reads word indices: no index lies between two words.
    """
    points, flipped = [], []
    with probing(network):
        embed, run = entrance(network)
        if run is not network:
            raise UsageError("there are no twins of word indices", got=type(embed).__name__, wanted="inputs that can be moved")
        for first in range(0, len(data.y), ROWS):
            fooled = attack(run, layout(data.x[first : first + ROWS]))
            points.append(fooled.point.detach())
            flipped.append(fooled.flipped)
            on_batch(min(first + ROWS, len(data.y)))
    there = torch.cat(flipped)
    return TrainingSet(torch.cat([data.x, torch.cat(points)[there]]), np.concatenate([data.y, data.y[there.numpy()]]))


def _span(report: Report, done: int, steps: int, total: int) -> Report:
    """A report of a part of the steps as a part of the whole."""

    def told(phase: str, fraction: float, extra: Mapping[str, Any]) -> None:
        whole = {**extra, "step": done + int(extra["step"]), "steps": total} if "step" in extra else extra
        report(phase, (done + fraction * steps) / total, whole)

    return told
