"""FixMatch: what the network says of a weak view, where it is sure, is the target of a strong view.

Reference:
    Sohn et al. 2020, "FixMatch: simplifying semi-supervised learning with consistency and confidence", arXiv 2001.07685.
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
from querist.learn.schemes.semi import Shares, beside, sureness, told
from querist.learn.schemes.supervised import Supervised
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.learn.views import Strong, Weak
from querist.nets.base import Network


@dataclass(frozen=True)
class FixMatch:
    """The inner scheme with a loss of strong views on what the network is sure of; the mean of the weights answers in the end.

    Attributes:
        inner: What trains the network.
        threshold: τ: answers less sure than this are left out; above 1 none is left.
        weight: λ: of the loss, whose mean is over all unlabelled items of a step, sure or not.
        batch: Unlabelled items of a step.
        longer: Factor of the inner scheme's number of steps.
        mean: Decay of the weights' mean, which answers in the end; 0 lets the network itself answer.
        even: How far the shares of the classes among the targets are drawn towards equal ones, 0 to 1; for tasks of classes about equally frequent.
        weak: The view that targets come from.
        strong: The view that learns them.
    """

    inner: Programmed = Supervised()
    threshold: float = 0.8
    weight: float = 1.0
    batch: int = 128
    longer: float = 4.0
    mean: float = 0.99
    even: float = 0.0
    weak: Weak = Weak()
    strong: Strong = Strong()

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, with a further term before those of the phase that moves the network; it notes of how many it is `sure` in the end."""
        inner = self.inner.programme(setting)
        augment = inner.stage().augment
        shares = Shares(setting.task.outputs, self.even)
        views = {"weak": self.weak.around(setting.network, augment), "strong": self.strong.around(setting.network, augment)}

        def agreement(step: Step) -> Tensor:
            said = step.asked(step.view("weak")).logits
            return told(step, shares(said) if self.even else said, step.view("strong"), self.threshold)

        term = Term("agreement", agreement, self.weight, unlabelled=True)
        made = beside(inner, term, views=views, unlabelled=self.batch, longer=self.longer, mean=self.mean or None)
        return dataclasses.replace(made, after=(*made.after, sureness(self.threshold)), modules={**made.modules, **({"shares": shares} if self.even else {})})

    def around(self, scheme: Any) -> FixMatch:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)
