"""Variational training: the loss of the labelled items plus the divergence of Gaussian weights from their prior, once per pass over them.

Reference:
    Blundell et al. 2015, "Weight uncertainty in neural networks" (Bayes by backprop), arXiv 1505.05424.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.programme import Phase, Programme, Programmed, Setting, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.nets.base import Network
from querist.nets.variational import divergence


@dataclass(frozen=True)
class MeanField:
    """The inner scheme with the divergence of the network's Gaussian weights; the prior takes the place of weight decay.

    Attributes:
        inner: What trains the network.
        weight: Of the divergence; 1 is the evidence lower bound, less is a colder posterior.
    """

    inner: Programmed = Supervised()
    weight: float = 1.0

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme with a term that does not depend on the batch."""
        items = len(setting.data.y)

        def prior(step: Step) -> Tensor:
            return (divergence(step.network) / items).reshape(1)

        made = self.inner.programme(setting).joined(Term("divergence", prior, self.weight))
        stage = made.stage()
        return made.with_stage(dataclasses.replace(stage, phases=tuple(without_decay(phase) for phase in stage.phases)))

    def around(self, scheme: Any) -> MeanField:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)


def without_decay(phase: Phase) -> Phase:
    """The phase without weight decay, if it moves the network."""
    return dataclasses.replace(phase, optimiser=dataclasses.replace(phase.optimiser, weight_decay=0.0)) if "network" in phase.updates else phase
