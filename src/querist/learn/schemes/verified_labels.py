"""Pseudo-labels at a growing pace that a second witness confirms: the class of the nearest centroid of what people labelled.

Reference:
    Li, Wang, Nie & Wang 2017, "Heuristic deep active learning" (HDAL), CCBR.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from querist.core.contracts import Report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.kernels.pacing import pace
from querist.learn.device import evaluating
from querist.learn.layout import layout
from querist.learn.programme import Programme, Programmed, Setting
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.own_labels import beside, chosen, drawn, give, swept
from querist.learn.schemes.supervised import Supervised
from querist.learn.task import TaskHead
from querist.learn.training import Training, carried_out
from querist.nets.base import Network


@dataclass(frozen=True)
class VerifiedLabels:
    """The inner scheme on labelled items and on those whose pseudo-label is easy and verified; the first round has none.

    Attributes:
        inner: What trains the network.
        start: λ₀: items whose loss under their own label, -log p(1), is less are easy.
        growth: μ, by which λ grows from round to round.
        share: Pseudo-labelled items of a step, times the labelled ones.
        cap: Pseudo-labels at most, times the number of labels.
        per_class: And of one class, times the number of labels.
        looked_at: Pool items that the network is asked about, drawn at random where there are more.
    """

    inner: Programmed = Supervised()
    start: float = 0.05
    growth: float = 1.2
    share: float = 0.5
    cap: float = 5.0
    per_class: float = 1.0
    looked_at: int = 10_000

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, whose training stage begins with a look at the pool and has pseudo-labelled items beside the labelled ones.

        Raises:
            UsageError: for targets that are no classes.
        """
        if setting.data.y.dtype.kind != "i" or setting.data.y.ndim != 1:
            raise UsageError("labels are verified by the centroids of classes", got=f"targets of type {setting.data.y.dtype}", wanted="classification")
        return beside(self.inner.programme(setting), setting, self.share, self._label)

    def around(self, scheme: Any) -> VerifiedLabels:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)

    def _label(self, training: Training) -> None:
        setting = training.setting
        data, task = setting.data, setting.task
        level = pace(self.start, self.growth, max(setting.streams.round - 2, 0))
        if data.pool is None or data.before is None or data.before.network is None or level <= 0:
            return
        rng, labels = drawn(setting.streams), len(data.y)
        seen = swept(data.before.network, data.pool, rng, self.looked_at, features=True)
        answers, _ = task.pseudo(seen.output)
        witness = nearest_class(seen.features, *known(data.before.network, data))
        easy = np.flatnonzero((task.loss(seen.output, answers).numpy() < level) & (answers == witness).numpy())
        give(training, seen, chosen(task, seen, easy, rng, int(self.cap * labels), int(self.per_class * labels)))


def known(network: Network, data: TrainingSet) -> tuple[Tensor, Tensor]:
    """Features (n, d) of what people labelled, and the classes (n,)."""
    with evaluating(network), torch.no_grad():
        parts = [network.trunk(layout(part)) for part in torch.split(data.x, 256)]
    return torch.cat(parts), torch.from_numpy(data.y)


def nearest_class(features: Tensor, anchors: Tensor, classes: Tensor) -> Tensor:
    """The class (m,) whose centroid is nearest by cosine; ties go to the lower class.

    Args:
        features: (m, d).
        anchors: (n, d).
        classes: Of the anchors (n,).
    """
    present, member = torch.unique(classes, return_inverse=True)
    total = torch.zeros(len(present), anchors.shape[1]).index_add_(0, member, functional.normalize(anchors, dim=1))
    alike = functional.normalize(features, dim=1) @ functional.normalize(total, dim=1).T
    nearest: Tensor = present[alike.argmax(dim=1)]
    return nearest
