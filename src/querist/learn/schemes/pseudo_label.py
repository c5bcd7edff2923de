"""Pseudo-labels: what the network answers for unlabelled items is their target for this step, with a weight that grows.

Reference:
    Lee 2013, "Pseudo-Label: the simple and efficient semi-supervised learning method for deep neural networks" (ICML workshop).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.programme import Programme, Programmed, Setting, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.semi import beside, sureness, told
from querist.learn.schemes.supervised import Supervised
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.learn.views import Weak
from querist.nets.base import Network


@dataclass(frozen=True)
class PseudoLabel:
    """The inner scheme with a loss on the network's own answers; what it answers is asked anew in every step, in eval mode.

    Attributes:
        inner: What trains the network.
        weight: Of the loss in the end.
        begin: Progress at which it starts.
        full: Progress from which it has its whole weight.
        threshold: Answers less sure than this are left out; 0 takes all, above 1 none.
        batch: Unlabelled items of a step.
        longer: Factor of the inner scheme's number of steps.
        weak: The view of unlabelled items.
    """

    inner: Programmed = Supervised()
    weight: float = 1.0
    begin: float = 0.2
    full: float = 0.7
    threshold: float = 0.0
    batch: int = 128
    longer: float = 2.0
    weak: Weak = Weak()

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, with a further term before those of the phase that moves the network."""
        inner = self.inner.programme(setting)

        def own(step: Step) -> Tensor:
            x = step.view("weak")
            if not self.ramp(step.progress):
                return x.new_zeros(0)
            return told(step, step.asked(x).logits, x, self.threshold)

        views = {"weak": self.weak.around(setting.network, inner.stage().augment)}
        made = beside(inner, Term("pseudo-label", own, self.ramp, unlabelled=True), views=views, unlabelled=self.batch, longer=self.longer)
        return dataclasses.replace(made, after=(*made.after, sureness(self.threshold)))

    def ramp(self, progress: float) -> float:
        """The weight: 0 until `begin`, then rising in a straight line until `full`."""
        return self.weight * min(max((progress - self.begin) / max(self.full - self.begin, 1e-9), 0.0), 1.0)

    def around(self, scheme: Any) -> PseudoLabel:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)
