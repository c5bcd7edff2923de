"""Label propagation: labels spread over a graph of features, and what they reach is trained on, each as far as it is certain.

Reference:
    Iscen, Tolias, Avrithis & Chum 2019, "Label propagation for deep semi-supervised learning", arXiv 1904.04717;
    Simeoni et al. 2020, "Rethinking deep active learning", arXiv 1911.08177.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from querist.core.contracts import Report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.kernels import propagation
from querist.learn.device import evaluating
from querist.learn.layout import layout
from querist.learn.programme import PART, Hook, Programme, Programmed, Setting
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.pretrained import innermost
from querist.learn.schemes.supervised import Supervised
from querist.learn.stage_run import hold_back
from querist.learn.task import TaskHead
from querist.learn.training import Training, carried_out
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import Network

OWN = 21_000
"""Number of the first of its streams."""

ROWS = 256
ROUNDS = "propagations"


@dataclass(frozen=True)
class LabelPropagation:
    """The inner scheme, trained from some point on with pseudo-labels too, which are made anew at even distances.

    The graph holds the labelled items and one sample of the pool, the same for the whole fit, so memory and time do not grow with the pool.

    Attributes:
        inner: What trains the network.
        sample: Unlabelled items in the graph.
        times: How often labels are propagated.
        start: Share of the steps before the first time.
        share: Of a batch that is labelled by people.
        drawn: Share of the sample that is trained on until the next time, drawn by weight.
        neighbours: Edges of each item.
        power: Of the cosine that an edge weighs.
        alpha: How far labels spread, in [0, 1).
        iterations: Of conjugate gradients.
    """

    inner: Programmed = Supervised()
    sample: int = 4000
    times: int = 10
    start: float = 0.2
    share: float = 0.4
    drawn: float = 0.5
    neighbours: int = 50
    power: float = 3.0
    alpha: float = 0.99
    iterations: int = 20

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    @property
    def provides(self) -> frozenset[str]:
        """What the scheme inside provides."""
        return frozenset(getattr(self.inner, "provides", ()))

    def programme(self, setting: Setting) -> Programme:
        """The inner programme with a hook in its training stage.

        Raises:
            UsageError: for targets that are no classes.
        """
        inner, pool = self.inner.programme(setting), setting.data.pool
        if setting.data.y.ndim != 1 or setting.data.y.dtype.kind != "i":
            raise UsageError("labels that propagate are classes", got=f"targets {setting.data.y.shape[1:]} of {setting.data.y.dtype}", wanted="a class an item")
        if pool is None or not len(pool):
            return inner
        stage = inner.stage()
        labelled, _ = hold_back(len(setting.data.y), stage.validation, setting.streams)
        places = np.sort(self._stream(setting, 0).permutation(len(pool))[: self.sample])
        sample: list[Tensor] = []

        def propagate(training: Training) -> None:
            if not sample:
                sample.append(read(pool, places))
            training.read += len(sample[0])
            self._propagate(training, labelled, sample[0])

        hooks = (*stage.hooks, Hook(propagate, self.times, self.start))
        return inner.with_stage(dataclasses.replace(stage, hooks=hooks, share=self.share))

    def _propagate(self, training: Training, labelled: np.ndarray, x: Tensor) -> None:
        setting = training.setting
        y = setting.data.y[labelled]
        if len(np.unique(y)) < 2 or not len(x):  # one class reaches everything, and nothing contradicts it
            return
        time = int(training.notes.get(ROUNDS, 0.0))
        features = np.concatenate([featured(setting.network, setting.data.x[torch.from_numpy(labelled)]), featured(setting.network, x)])
        edges = propagation.graph(features, self.neighbours, self.power)
        start = propagation.seeds(y, len(features), setting.task.outputs)
        labels, weight = propagation.told(propagation.diffused(edges, start, self.alpha, self.iterations))
        labels, weight = labels[len(y) :], weight[len(y) :]
        count = min(round(self.drawn * len(x)), int((weight > 0).sum()))
        if count:
            rows = np.sort(self._stream(setting, time + 1).choice(len(x), count, replace=False, p=weight / weight.sum()))
            chosen = torch.from_numpy(rows)
            training.give(x[chosen], torch.from_numpy(labels[rows]), torch.from_numpy(weight[rows]).float())
        training.notes |= {ROUNDS: time + 1.0, "pseudo": float(count), "weight": float(weight.mean())}

    def _stream(self, setting: Setting, number: int) -> np.random.Generator:
        return setting.streams.of(setting.streams.member + PART * (OWN + number))("auxiliary")

    def around(self, scheme: Any) -> LabelPropagation:
        """The same with another scheme innermost."""
        return dataclasses.replace(self, inner=innermost(self.inner, scheme))


def read(pool: Unlabelled, places: np.ndarray) -> Tensor:
    """Inputs of these items, a batch at a time; what cannot be read is left out."""
    return torch.cat([pool.batch(places[first : first + ROWS]) for first in range(0, len(places), ROWS)])


def featured(network: Network, x: Tensor) -> np.ndarray:
    """Features (m, d) in eval mode, of inputs as they are."""
    with evaluating(network), torch.no_grad():
        return np.concatenate([network.trunk(layout(x[first : first + ROWS])).numpy() for first in range(0, len(x), ROWS)])
