"""Mean Teacher: the network agrees with the mean of its own past weights on unlabelled items.

Reference:
    Tarvainen & Valpola 2017, "Mean teachers are better role models", arXiv 1703.01780.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.programme import Programme, Programmed, Setting, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.semi import TEACHER, beside
from querist.learn.schemes.supervised import Supervised
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.learn.views import Weak
from querist.nets.base import Network


@dataclass(frozen=True)
class MeanTeacher:
    """The inner scheme with a term that draws the network's answers to those of its teacher; the teacher answers in the end.

    Attributes:
        inner: What trains the network.
        weight: Of the term after its ramp.
        ramp: Share of the training in which the weight rises.
        mean: Decay of the teacher's weights; 0 makes it the network of the step before.
        answers: Whether the teacher answers in the end.
        batch: Unlabelled items of a step.
        longer: Factor of the inner scheme's number of steps.
        weak: The views of unlabelled items, drawn apart for network and teacher.
    """

    inner: Programmed = Supervised()
    weight: float = 30.0
    ramp: float = 0.4
    mean: float = 0.99
    answers: bool = True
    batch: int = 128
    longer: float = 2.0
    weak: Weak = Weak()

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, with a follower, and a further term before those of the phase that moves the network."""
        inner = self.inner.programme(setting)
        view = self.weak.around(setting.network, inner.stage().augment)

        def consistency(step: Step) -> Tensor:
            taught = step.asked(step.view("taught"), TEACHER).logits
            return step.task.discrepancy(step.together(step.view("weak")).logits, taught)

        term = Term("consistency", consistency, self.rising, unlabelled=True)
        return beside(inner, term, views={"weak": view, "taught": view}, unlabelled=self.batch, longer=self.longer, mean=self.mean, answers=self.answers)

    def rising(self, progress: float) -> float:
        """The weight: weight · exp(-5 (1 - progress / ramp)²), then all of it."""
        return self.weight * math.exp(-5.0 * (1.0 - min(progress / self.ramp, 1.0)) ** 2) if self.ramp else self.weight

    def around(self, scheme: Any) -> MeanTeacher:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)
