"""Pseudo-labels for the items that the network of the round before is surest of, more of them in every round.

Reference:
    Wang et al. 2020 (score prediction for instance segmentation), arXiv 2012.04829.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.programme import Programme, Programmed, Setting
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.own_labels import beside, drawn, give, of_predecessor
from querist.learn.schemes.supervised import Supervised
from querist.learn.task import TaskHead
from querist.learn.training import Training, carried_out
from querist.nets.base import Network


@dataclass(frozen=True)
class ScoreLabels:
    """The inner scheme on labelled items and on the surest ones of a part of the pool; the first round has none.

    Attributes:
        inner: What trains the network.
        growth: Pseudo-labels more in every round, times the number of labels.
        least: Items that the network is less sure of get none; see the task's `pseudo`.
        share: Pseudo-labelled items of a step, times the labelled ones.
        looked_at: Pool items that the network is asked about, drawn at random where there are more.
    """

    inner: Programmed = Supervised()
    growth: float = 0.25
    least: float = 0.5
    share: float = 0.5
    looked_at: int = 256

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, whose training stage begins with a look at the pool and has pseudo-labelled items beside the labelled ones."""
        return beside(self.inner.programme(setting), setting, self.share, self._label)

    def around(self, scheme: Any) -> ScoreLabels:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)

    def _label(self, training: Training) -> None:
        setting = training.setting
        wanted = int(self.growth * max(setting.streams.round - 1, 0) * len(setting.data.y))
        seen = of_predecessor(setting, drawn(setting.streams), self.looked_at) if wanted else None
        if seen is None:
            return
        _, sure = setting.task.pseudo(seen.output)
        order = np.argsort(-sure.numpy(), kind="stable")[:wanted]
        give(training, seen, np.sort(order[sure.numpy()[order] >= self.least]))
