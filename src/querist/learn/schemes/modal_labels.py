"""Class maps that the network of the round before predicts for ordinary images, those of the fullest bin of scores, are trained on for one round.

Reference:
    Górriz, Carlier, Faure & Giró-i-Nieto 2017, "Cost-effective active learning for melanoma segmentation", arXiv 1711.09168.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.kernels.distance_maps import edt_sum
from querist.kernels.quotas import histogram
from querist.learn.programme import Programme, Programmed, Setting
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.own_labels import beside, drawn, give, of_predecessor
from querist.learn.schemes.supervised import Supervised
from querist.learn.task import TaskHead
from querist.learn.training import Training, carried_out
from querist.nets.base import Network


@dataclass(frozen=True)
class ModalLabels:
    """The inner scheme on labelled maps and, from a round on, on predicted ones, more of them in every round.

    Attributes:
        inner: What trains the network.
        start: The first round that has any.
        first: How many it has.
        more: How many more each later round has.
        bins: Of the histogram.
        share: Predicted maps of a step, times the labelled ones.
        looked_at: Pool items that the network is asked about, drawn at random where there are more.
    """

    inner: Programmed = Supervised()
    start: int = 5
    first: int = 20
    more: int = 20
    bins: int = 80
    share: float = 0.5
    looked_at: int = 300

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, whose training stage begins with a look at the pool."""
        return beside(self.inner.programme(setting), setting, self.share, self._label)

    def around(self, scheme: Any) -> ModalLabels:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)

    def _label(self, training: Training) -> None:
        setting = training.setting
        later = setting.streams.round - self.start
        rng, count = drawn(setting.streams), self.first + self.more * later
        seen = None if later < 0 else of_predecessor(setting, rng, self.looked_at)
        if seen is None:
            return
        give(training, seen, ordinary(doubtful(setting.task.predict(seen.output)), count, self.bins, rng) if len(seen.places) else seen.places)


def doubtful(probs: Tensor) -> NDArray[np.float64]:
    """Σ over pixels of Σ_c p (1 - p), what the variance of an answer drawn from p would be, times the depth in the predicted object, (n,).

    Args:
        probs: (n, c, *grid); the first class is the background.
    """
    spread = (probs * (1.0 - probs)).sum(dim=1)
    return edt_sum(spread.numpy(), (probs.argmax(dim=1) > 0).numpy())


def ordinary(scores: NDArray[np.float64], count: int, bins: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """So many rows at most, drawn from the fullest bin of the scores, ascending."""
    own, sizes = histogram(scores, bins)
    rows = np.flatnonzero(own == int(sizes.argmax()))
    return np.sort(rng.permutation(rows)[: max(count, 0)])
