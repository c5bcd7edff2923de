"""A network that is made confident on the pool: the entropy of its answers to unlabelled inputs is part of the loss.

Reference:
    After Ranganathan, Venkateswara, Chakraborty & Panchanathan 2017, "Deep active learning for image classification" (ICIP).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.programme import Programme, Programmed, Setting, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.belief import Belief
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import Training, carried_out
from querist.nets.base import Network

ASKED = 512
"""Unlabelled inputs that the guard against collapse looks at."""


@dataclass(frozen=True)
class PoolEntropy:
    """The inner scheme and λ times the mean entropy on unlabelled inputs.

    Attributes:
        inner: What trains the network.
        weight: λ; 0 is the inner scheme.
        ramp: Share of the steps in which λ rises from 0: from the first step on, it collapses to one class.
        batch: Unlabelled inputs of a step.
    """

    inner: Programmed = Belief()
    weight: float = 0.3
    ramp: float = 0.3
    batch: int = 64

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme with a term; notes say how many classes the network still gives to the pool (perplexity of its answers)."""
        inner = self.inner.programme(setting)
        if not self.weight:
            return inner

        def entropy(step: Step) -> Tensor:
            logs = torch.log_softmax(step.outputs(step.unlabelled).logits, dim=1)
            return -(logs.exp() * logs).sum(dim=1)

        def guard(training: Training) -> None:
            pool = setting.data.pool
            if pool is not None and len(pool):
                x = pool.batch(np.linspace(0, len(pool) - 1, min(len(pool), ASKED)).astype(np.int64))
                with torch.no_grad():
                    shares = torch.softmax(setting.network.eval()(x), dim=1).argmax(dim=1).bincount(minlength=setting.task.outputs) / len(x)
                training.notes["classes given to the pool"] = float(torch.exp(-torch.xlogy(shares, shares).sum()))

        ramp = max(self.ramp, 1e-9)
        term = Term("entropy", entropy, lambda progress: self.weight * min(progress / ramp, 1.0), unlabelled=True)
        joined = inner.joined(term)
        joined = joined.with_stage(dataclasses.replace(joined.stage(), unlabelled=self.batch))
        return dataclasses.replace(joined, after=(*joined.after, guard))

    def around(self, scheme: Any) -> PoolEntropy:
        """The same with another scheme at the bottom."""
        around = getattr(self.inner, "around", None)
        return dataclasses.replace(self, inner=scheme if around is None else around(scheme))
