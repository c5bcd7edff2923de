"""Labels that the network of the round before is sure of are trained on for one round, beside those of people.

Reference:
    Wang, Zhang, Li, Zhang & Lin 2017, "Cost-effective active learning for deep image classification" (CEAL), arXiv 1701.03551.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.kernels.pacing import threshold
from querist.learn.programme import Programme, Programmed, Setting
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.own_labels import beside, chosen, drawn, give, of_predecessor
from querist.learn.schemes.supervised import Supervised
from querist.learn.task import TaskHead
from querist.learn.training import Training, carried_out
from querist.nets.base import Network


@dataclass(frozen=True)
class ConfidentLabels:
    """The inner scheme on labelled and pseudo-labelled items; the first round has none.

    Attributes:
        inner: What trains the network.
        delta: δ₀: items of less doubt are pseudo-labelled (entropy in nats in classification).
        decay: dr, by which δ falls from round to round.
        cumulative: Whether the decrease adds up, as in some public code; see `kernels.pacing.threshold`.
        share: Pseudo-labelled items of a step, times the labelled ones.
        cap: Pseudo-labels at most, times the number of labels.
        per_class: And of one class, times the number of labels.
        looked_at: Pool items that the network is asked about, drawn at random where there are more.
    """

    inner: Programmed = Supervised()
    delta: float = 0.3
    decay: float = 0.02
    cumulative: bool = False
    share: float = 0.5
    cap: float = 5.0
    per_class: float = 1.0
    looked_at: int = 10_000

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, whose training stage begins with a look at the pool and has pseudo-labelled items beside the labelled ones."""
        return beside(self.inner.programme(setting), setting, self.share, self._label)

    def around(self, scheme: Any) -> ConfidentLabels:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)

    def _label(self, training: Training) -> None:
        setting = training.setting
        level = threshold(self.delta, self.decay, max(setting.streams.round - 2, 0), cumulative=self.cumulative)
        rng, labels = drawn(setting.streams), len(setting.data.y)
        seen = of_predecessor(setting, rng, self.looked_at) if level > 0 else None
        if seen is None:
            return
        sure = np.flatnonzero(setting.task.doubt(seen.output).numpy() < level)
        rows = chosen(setting.task, seen, sure, rng, int(self.cap * labels), int(self.per_class * labels))
        give(training, seen, rows)
