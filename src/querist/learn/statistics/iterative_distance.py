"""`iterative_distance`: how far the basic iterative method goes until the prediction changes; of the first member without dropout.

Reference:
    Kurakin, Goodfellow & Bengio 2017, arXiv 1607.02533.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from querist.learn.statistics.points import OnBatch, distances
from querist.learn.statistics.question import Question, Run

if TYPE_CHECKING:
    from querist.learn.learner import Fitted


@dataclass(frozen=True)
class BasicIterative:
    """Steps of equal size in the sign of the gradient of the predicted class's loss.

    Attributes:
        size: Change of every coordinate in a step, in units of the (standardised) input.
        steps: Steps at most.
        halvings: Halvings of the last step: whole steps alone would tie most items.
    """

    size: float = 0.05
    steps: int = 50
    halvings: int = 16

    def __call__(self, run: Run, x: Tensor) -> tuple[Tensor, Tensor]:
        """Perturbation (n, …) at which the prediction changes, and whether it does (n,)."""
        with torch.no_grad():
            logits = run(x)
        predicted, total = logits.argmax(dim=1), torch.zeros_like(x)
        flipped = torch.zeros(len(x), dtype=torch.bool)
        active = torch.arange(len(x) if logits.shape[1] > 1 else 0)
        last = torch.zeros_like(x)
        for _ in range(self.steps):
            if not len(active):
                break
            leaf = (x[active] + total[active]).requires_grad_()
            step = self.size * torch.autograd.grad(_odds(run(leaf), predicted[active]).sum(), leaf)[0].sign()
            last[active] = step
            total[active] += step
            with torch.no_grad():
                done = run(x[active] + total[active]).argmax(dim=1) != predicted[active]
            flipped[active[done]] = True
            active = active[~done]
        with torch.no_grad():
            return self._refined(run, x, total, last, predicted), flipped

    def _refined(self, run: Run, x: Tensor, total: Tensor, last: Tensor, predicted: Tensor) -> Tensor:
        for _ in range(self.halvings):
            last = last / 2
            beyond = run(x + total - last).argmax(dim=1) != predicted
            total = torch.where(beyond.view(-1, *[1] * (x.ndim - 1)), total - last, total)
        return total


def _odds(logits: Tensor, predicted: Tensor) -> Tensor:
    """Log odds (n,) against the predicted class: the gradient of its cross-entropy without the factor that underflows when the network is certain."""
    own = logits.gather(1, predicted[:, None])
    others = logits.scatter(1, predicted[:, None], -torch.inf)
    return others.logsumexp(dim=1) - own[:, 0]


ATTACK = BasicIterative()


def compute(fitted: Fitted, question: Question, on_batch: OnBatch) -> NDArray[np.float32]:
    """(n,), the largest float32 for what never flipped."""
    return distances(fitted, question.ids, ATTACK, 1, on_batch)
