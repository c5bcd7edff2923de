"""Learning loss: a small module reads hidden layers and learns which of two items has the larger loss.

Reference:
    Yoo & Kweon 2019, "Learning loss for active learning", arXiv 1905.03677.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from querist.core.contracts import Report
from querist.core.rng import Streams
from querist.learn.hidden import pooled, widths
from querist.learn.programme import Programme, Programmed, Setting, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.nets.base import Network, initialise


class LossModule(nn.Module):
    """Hidden outputs → an estimate of the loss (n,): each pooled and brought to one width, all of them read together.

    Args:
        channels: Of each hidden layer.
        width: That they are brought to.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.read = nn.ModuleList(nn.Sequential(nn.Linear(count, width), nn.ReLU()) for count in channels)
        self.join = nn.Linear(width * len(channels), 1)

    def forward(self, hidden: Sequence[Tensor]) -> Tensor:
        """(n,), no output activation."""
        parts = [read(pooled(out)) for read, out in zip(self.read, hidden, strict=True)]
        estimate: Tensor = self.join(torch.cat(parts, dim=1))
        return estimate.squeeze(1)


@dataclass(frozen=True)
class LearningLoss:
    """The inner scheme with a module that ranks losses; it provides `loss_estimate`.

    Attributes:
        inner: What trains the network.
        weight: Of the ranking loss; beside squared errors in units of their range, which fall to hundredths, times the batch's mean loss, at most 1.
        margin: ξ: how far apart estimates should be.
        width: Of the module.
        detach: Share of the training from which on the network no longer sees the module's gradient.
    """

    inner: Programmed = Supervised()
    weight: float = 1.0
    margin: float = 1.0
    width: int = 128
    detach: float = 0.6
    provides: ClassVar[frozenset[str]] = frozenset({"loss_estimate"})

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, with a ranking term in the phase that moves the network."""
        module = LossModule(list(widths(setting.network, tuple(setting.data.x.shape[1:])).values()), self.width)
        initialise(module, setting.generator(0))

        def ranking(step: Step) -> Tensor:
            hidden = list(step.output.hidden.values())
            if step.progress >= self.detach:
                hidden = [out.detach() for out in hidden]
            losses = step.task.loss(step.output.logits, step.y).detach()
            found = ranked(module(hidden), losses, self.margin)
            return found * losses.mean().clamp(max=1.0) if squared else found

        squared = getattr(setting.task, "squared", False)
        return self.inner.programme(setting).joined(Term("ranking", ranking, self.weight), modules={"loss": module}, hidden=True)

    def aside(self) -> LearningLoss:
        """The same with a network that never sees the module's gradient: it trains as without it."""
        return dataclasses.replace(self, detach=0.0)

    def around(self, scheme: Any) -> LearningLoss:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)


def ranked(estimate: Tensor, loss: Tensor, margin: float = 1.0) -> Tensor:
    """Hinge losses (n // 2,) of pairs (i, n - 1 - i): the estimate of the item with the larger loss should be larger by the margin.

    Args:
        estimate: (n,).
        loss: (n,), a constant.
        margin: ξ.
    """
    further, sign = pairs(estimate, loss)
    return torch.relu(margin - sign * further) * sign.abs()  # a tie has no order


def pairs(estimate: Tensor, loss: Tensor) -> tuple[Tensor, Tensor]:
    """How much larger the estimate of item i is than that of item n - 1 - i (n // 2,), and 1, -1 or 0: whether its loss is."""
    half = len(loss) // 2
    return estimate[:half] - estimate.flip(0)[:half], torch.sign(loss[:half] - loss.flip(0)[:half])
