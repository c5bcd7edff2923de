"""What the network of the round before is surest of is trained on as it would answer, as many of each answer, without any threshold.

Reference:
    Kasai, Qian, Gurajada, Li & Popa 2019, "Low-resource deep entity resolution with transfer and active learning", arXiv 1906.08042.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
class FreeLabels:
    """The inner scheme on labelled items and on free labels, of which every round has as many more; the first round has none.

    Attributes:
        inner: What trains the network.
        each: Free labels that a round adds of each answer: of the predicted matches, and of the predicted non-matches.
        share: Free labels of a step, times the labelled ones.
        looked_at: Pool items that the network is asked about, drawn at random where there are more.
    """

    inner: Programmed = Supervised()
    each: int = 10
    share: float = 0.5
    looked_at: int = 10_000

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, whose training stage begins with a look at the pool."""
        return beside(self.inner.programme(setting), setting, self.share, self._label)

    def around(self, scheme: Any) -> FreeLabels:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)

    def _label(self, training: Training) -> None:
        setting = training.setting
        seen = of_predecessor(setting, drawn(setting.streams), self.looked_at)
        if seen is None:
            return
        answers, _ = setting.task.pseudo(seen.output)
        rows = surest(setting.task.doubt(seen.output).numpy(), answers.numpy(), self.each * (setting.streams.round - 1))
        give(training, seen, rows)


def surest(doubt: NDArray[Any], answers: NDArray[Any], each: int) -> NDArray[np.int64]:
    """Rows of least doubt, at most so many of each answer, ties to the lower row.

    Args:
        doubt: (n,).
        answers: What would be answered (n,).
        each: ≥ 0.
    """
    order = np.argsort(doubt, kind="stable")
    found = [order[answers[order] == answer][:each] for answer in np.unique(answers)]
    return np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)
