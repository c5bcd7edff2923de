"""The network's own labels, weighed by how easy they are: easy ones first, harder ones as the pace grows.

Reference:
    Wang, Lu, Singh, Chen, Chen & Wu 2018, "Deep active self-paced learning for accurate pulmonary nodule segmentation" (DASL), MICCAI;
    Jiang et al. 2014 (linear weights).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from querist.core.contracts import Report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.kernels.pacing import hard_weights, linear_weights, pace
from querist.learn.programme import Programme, Programmed, Setting
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.own_labels import beside, chosen, drawn, give, swept
from querist.learn.schemes.supervised import Supervised
from querist.learn.task import TaskHead
from querist.learn.training import Training, carried_out
from querist.nets.base import Network

WEIGHTS = {"hard": hard_weights, "linear": linear_weights}


@dataclass(frozen=True)
class SelfPaced:
    """The inner scheme on labelled items and on weighed pseudo-labelled ones, labelled anew several times in the training.

    Attributes:
        inner: What trains the network.
        start: λ₀: an item counts when its loss under its own label is less.
        growth: μ, by which λ grows from one time to the next and from round to round.
        weights: `linear` max(0, 1 - ℓ/λ), or `hard` 1 where ℓ < λ.
        times: How often in the training labels and weights are made; the first time by the network of the round before, if there is one.
        share: Pseudo-labelled items of a step, times the labelled ones.
        cap: Pseudo-labels at most, times the number of labels.
        per_class: And of one class, times the number of labels.
        looked_at: Pool items that the network is asked about, drawn at random where there are more.
    """

    inner: Programmed = Supervised()
    start: float = 0.2
    growth: float = 1.2
    weights: str = "linear"
    times: int = 4
    share: float = 0.5
    cap: float = 5.0
    per_class: float = 1.0
    looked_at: int = 2_000

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, with looks at the pool in its training stage.

        Raises:
            UsageError: for weights of an unknown kind.
        """
        if self.weights not in WEIGHTS:
            raise UsageError("unknown self-paced weights", got=self.weights, wanted=", ".join(WEIGHTS))
        return beside(self.inner.programme(setting), setting, self.share, self._label, self.times)

    def around(self, scheme: Any) -> SelfPaced:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)

    def _label(self, training: Training) -> None:
        setting = training.setting
        data, task, turn = setting.data, setting.task, round(training.progress * self.times)
        network = setting.network if turn else None if data.before is None else data.before.network
        level = pace(self.start, self.growth, max(setting.streams.round - 1, 0) + turn)
        if data.pool is None or network is None or level <= 0:
            return
        rng, labels = drawn(setting.streams), len(data.y)
        seen = swept(network, data.pool, rng, self.looked_at)
        value = WEIGHTS[self.weights](task.loss(seen.output, task.pseudo(seen.output)[0]).numpy(), level)
        rows = chosen(task, seen, np.flatnonzero(value > 0), rng, int(self.cap * labels), int(self.per_class * labels))
        give(training, seen, rows, value[rows])
