"""DeepFool: the smallest perturbation found that changes a prediction.

The decision function is linearised at the present point; the step leads to the *nearest* of the linearised boundaries
between the predicted class and its rivals, and is repeated until the prediction changes.

Reference:
    Moosavi-Dezfooli, Fawzi & Frossard 2016, arXiv 1511.04599; as a query in Ducoffe & Precioso 2018, arXiv 1802.09841.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from querist.learn.statistics.question import Run

ON_THE_BOUNDARY = 1e-6
"""A gap below this share of the largest logit is rounding; it is taken for this share, so that the step gets across."""


class Fooled(NamedTuple):
    """perturbation (n, …) that reaches the boundary, point (n, …) just beyond it, flipped (n,): whether the prediction changed."""

    perturbation: Tensor
    point: Tensor
    flipped: Tensor


@dataclass(frozen=True)
class DeepFool:
    """Multiclass, L2.

    Attributes:
        overshoot: The point is moved this much farther than the perturbation, to get beyond the boundary.
        steps: Linearisations at most; what has not flipped by then never does.
        classes: Rivals are sought among the largest so many logits.
        clip: Range that every coordinate keeps to, or None. It makes distances longer.
    """

    overshoot: float = 0.02
    steps: int = 50
    classes: int = 10
    clip: tuple[float, float] | None = None

    def __call__(self, run: Run, x: Tensor) -> Fooled:
        """Perturb points.

        Args:
            run: Points (m, …) → logits (m, c), each row by itself.
            x: Points (n, …).
        """
        with torch.no_grad():
            best = (logits := run(x)).topk(min(self.classes, logits.shape[1]), dim=1)
        rivals, total = best.indices, torch.zeros_like(x)
        if logits.shape[1] == 1:  # no second class, no boundary
            return Fooled(total, x, torch.zeros(len(x), dtype=torch.bool))
        flipped = best.values[:, 0] == best.values[:, 1]  # a tie lies on the boundary already
        active = torch.nonzero(~flipped)[:, 0]
        for _ in range(self.steps):
            if not len(active):
                break
            step, moves = _step(run, self._moved(x[active], total[active]), rivals[active], self.clip)
            total[active] += step
            with torch.no_grad():
                done = run(self._moved(x[active], total[active])).argmax(dim=1) != rivals[active, 0]
            flipped[active[done]] = True
            active = active[~done & moves]
        return Fooled(self._kept(x + total) - x if self.clip else total, self._moved(x, total), flipped)

    def _moved(self, x: Tensor, total: Tensor) -> Tensor:
        return self._kept(x + (1.0 + self.overshoot) * total)

    def _kept(self, point: Tensor) -> Tensor:
        return point if self.clip is None else point.clamp(*self.clip)


def _step(run: Run, x: Tensor, rivals: Tensor, clip: tuple[float, float] | None) -> tuple[Tensor, Tensor]:
    """The step to the nearest linearised boundary, and whether there is any: a flat function has none."""
    leaf = x.detach().requires_grad_()
    logits = run(leaf).gather(1, rivals)
    ranks = logits.shape[1]
    slopes = [torch.autograd.grad(logits[:, rank].sum(), leaf, retain_graph=rank + 1 < ranks)[0] for rank in range(ranks)]
    normals = torch.stack([(slope - slopes[0]).flatten(1) for slope in slopes[1:]], dim=1)
    if clip is not None:  # a coordinate at its limit cannot go on: the others have to
        at = x.flatten(1)[:, None]
        normals = torch.where(((at <= clip[0]) & (normals < 0)) | ((at >= clip[1]) & (normals > 0)), 0.0, normals)
    values = logits.detach()
    gaps = (values[:, 1:] - values[:, :1]).abs().maximum(ON_THE_BOUNDARY * values.abs().amax(dim=1, keepdim=True))
    lengths = normals.norm(dim=2)
    distances = torch.where(lengths > 0, gaps / lengths, torch.inf)
    nearest = distances.argmin(dim=1, keepdim=True)
    normal = normals.take_along_dim(nearest[:, :, None], dim=1)[:, 0]
    length, gap = (part.take_along_dim(nearest, dim=1) for part in (lengths, gaps))
    moves = length[:, 0] > 0
    step = torch.where(length > 0, gap / length.clamp(min=torch.finfo(x.dtype).tiny) ** 2 * normal, 0.0)
    return step.view_as(x), moves
