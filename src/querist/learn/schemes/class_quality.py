"""A scheme that watches how well a detector learns each class while it learns; what it trains is what it would train anyway.

Reference:
    Yang, Huang & Crowley 2024 (PPAL), arXiv 2211.11612.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.programme import Programme, Programmed, Setting, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.nets.base import Network
from querist.tasks.detection.assign import qualities


class ClassQuality(nn.Module):
    """An exponential mean of how well each class is found; 0 for a class that was never seen.

    Args:
        classes: c.
        momentum: Of the mean; at the t-th step that shows a class at most 1 - 1 / t, so that it does not remember where it started.
    """

    quality: Tensor
    seen: Tensor

    def __init__(self, classes: int, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("quality", torch.zeros(classes))
        self.register_buffer("seen", torch.zeros(classes))

    def forward(self, total: Tensor, count: Tensor) -> None:
        """Take in the sums (c,) of the qualities of a step and how many they are of."""
        there = count > 0
        self.seen += there
        kept = torch.minimum(torch.tensor(self.momentum), 1 - 1 / self.seen.clamp(min=1))
        moved = kept * self.quality + (1 - kept) * total / count.clamp(min=1)
        self.quality.copy_(torch.where(there, moved, self.quality))


@dataclass(frozen=True)
class WatchedClasses:
    """The inner scheme, with `class_quality` measured at the places that learn a box: score ** share · overlap ** (1 - share).

    Attributes:
        inner: What trains the network.
        share: ξ of the score, the rest is of the overlap.
        momentum: Of the mean over steps.
    """

    inner: Programmed = Supervised()
    share: float = 0.6
    momentum: float = 0.999
    provides: ClassVar[frozenset[str]] = frozenset({"class_quality"})

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, with a term that adds nothing to the loss and looks at each labelled batch."""
        classes = setting.task.outputs
        watch = ClassQuality(classes, self.momentum)

        def look(step: Step) -> Tensor:
            watch(*qualities(step.output.logits.detach(), step.y, classes, self.share))
            return step.output.logits.new_zeros(0)

        programme = self.inner.programme(setting).joined(Term("class_quality", look))
        return dataclasses.replace(programme, modules={**programme.modules, "class_quality": watch})

    def around(self, scheme: Any) -> WatchedClasses:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)
