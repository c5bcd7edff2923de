"""Overlap as a loss: maps of small objects are learnt as such, however few pixels they have.

Reference:
    Milletari, Navab & Ahmadi 2016 (V-Net), arXiv 1606.04797.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from querist.core.contracts import Report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.learn.programme import Programme, Programmed, Setting, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import carried_out
from querist.nets.base import Network
from querist.tasks.dense.runs import NOBODY


@dataclass(frozen=True)
class Dice:
    """The inner scheme, and 1 - soft Dice of the classes after the first, of labelled maps.

    Attributes:
        inner: What trains the network.
        weight: Of the overlap beside the cross-entropy.
        smooth: Added above and below: an empty map that is predicted empty is right.
    """

    inner: Programmed = Supervised()
    weight: float = 1.0
    smooth: float = 1.0

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`.

        Raises:
            UsageError: for targets that are no class maps.
        """
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme with a term."""
        if setting.data.y.ndim < 3 or setting.data.y.dtype.kind not in "ui":
            raise UsageError("Dice is the overlap of class maps", got=f"targets {setting.data.y.shape[1:]}", wanted="the task kind dense")

        def overlap(step: Step) -> Tensor:
            losses = soft_dice(step.task.predict(step.output.logits), step.y, self.smooth)
            return losses if step.weight is None else losses * step.weight

        return self.inner.programme(setting).joined(Term("dice", overlap, self.weight))

    def around(self, scheme: Any) -> Dice:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)


def soft_dice(probs: Tensor, target: Tensor, smooth: float = 1.0) -> Tensor:
    """1 - the mean over classes after the first of (2 Σ p·t + smooth) / (Σ p + Σ t + smooth) over answered pixels, (n,).

    Args:
        probs: (n, c, *grid).
        target: Class positions (n, *grid), `NOBODY` where nobody said.
        smooth: ≥ 0.
    """
    known = target != NOBODY
    wanted = functional.one_hot(torch.where(known, target, torch.zeros_like(target)).long(), probs.shape[1]).movedim(-1, 1).to(probs.dtype)
    counted = known[:, None].to(probs.dtype)
    p, t = (probs * counted)[:, 1:].flatten(2), (wanted * counted)[:, 1:].flatten(2)
    return 1.0 - ((2.0 * (p * t).sum(dim=2) + smooth) / (p.sum(dim=2) + t.sum(dim=2) + smooth)).mean(dim=1)
