"""What semi-supervised schemes have in common: an unlabelled batch beside the labelled one, more steps, and a mean of weights that answers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from querist.learn.device import scoring
from querist.learn.layout import layout
from querist.learn.programme import Follower, Programme, Term, Transform
from querist.learn.step import Step
from querist.learn.training import Training

TEACHER = "teacher"
SAMPLE = 256
"""Items of the pool of which it is noted whether the network is sure."""


def beside(
    programme: Programme, *terms: Term, views: Mapping[str, Transform], unlabelled: int, longer: float = 1.0, mean: float | None = None, answers: bool = True
) -> Programme:
    """A programme whose training stage also learns from unlabelled items.

    Args:
        programme: The inner scheme's.
        terms: Put before those of the last phase that moves the network, so that they may share its labelled pass (`Step.together`).
        views: Of the unlabelled batch.
        unlabelled: Items of a step.
        longer: Factor of the number of steps.
        mean: Decay of the weights' mean, the `teacher`; None has none. One that is there already stays.
        answers: Whether the mean is what answers in the end.
    """
    stage = programme.stage()
    number = max(place for place, phase in enumerate(stage.phases) if "network" in phase.updates)
    phase = dataclasses.replace(stage.phases[number], terms=(*terms, *stage.phases[number].terms))
    there = any(follower.name == TEACHER for follower in stage.followers)
    followers = stage.followers if there or mean is None else (*stage.followers, Follower(TEACHER, decay=mean))
    changed = dataclasses.replace(
        stage, steps=math.ceil(longer * stage.steps), phases=(*stage.phases[:number], phase, *stage.phases[number + 1 :]),
        unlabelled=max(stage.unlabelled, unlabelled), views={**stage.views, **views}, followers=followers,
    )  # fmt: skip
    return dataclasses.replace(programme.with_stage(changed), answers=TEACHER if followers and answers else programme.answers)


def without(programme: Programme, name: str) -> Programme:
    """The programme whose training stage has no term of this name."""
    stage = programme.stage()
    phases = tuple(dataclasses.replace(phase, terms=tuple(term for term in phase.terms if term.name != name)) for phase in stage.phases)
    return programme.with_stage(dataclasses.replace(stage, phases=phases))


def told(step: Step, said: Tensor, x: Tensor, threshold: float) -> Tensor:
    """Losses (m,) of other views on what the network says, 0 where it is not sure; none at all if it is sure of nothing.

    Only what it is sure of is passed through the network, together with the labelled batch: a pass of a few rows alone would ruin BatchNorm's statistics.

    Args:
        step: Of the phase.
        said: The network's output for these items (m, …), without a gradient.
        x: The views that are to get these targets (m, *shape).
        threshold: Least confidence.
    """
    target, sure = step.task.pseudo(said)
    rows = torch.nonzero(sure >= threshold).squeeze(1)
    if not len(rows):
        return sure.new_zeros(0)
    losses = step.task.loss(step.together(x[rows]).logits, target[rows])
    return losses.new_zeros(len(sure)).index_put((rows,), losses)


def sureness(threshold: float) -> Callable[[Training], None]:
    """For `Programme.after`: notes the share of a sample of the pool that the network is at least so sure of."""

    def note(training: Training) -> None:
        setting = training.setting
        if setting.data.pool is None or not len(setting.data.pool):
            return
        places = np.unique(np.linspace(0, len(setting.data.pool) - 1, SAMPLE).astype(np.int64))
        with scoring(setting.network) as network:
            _, sure = setting.task.pseudo(network(layout(setting.data.pool.batch(places))))
        training.notes["sure"] = float((sure >= threshold).float().mean())

    return note


class Shares(nn.Module):
    """The share of every class in what a network answered lately, and answers in which these are drawn towards equal ones.

    Berthelot et al. 2020 (ReMixMatch, distribution alignment), arXiv 1911.09785, with equal shares for those of the labels, which are too few to tell.

    Args:
        classes: Their number.
        strength: 1 evens them out, 0 leaves them.
        decay: Of the mean over steps.
    """

    def __init__(self, classes: int, strength: float, decay: float = 0.95) -> None:
        super().__init__()
        self._strength, self._decay = strength, decay
        self.register_buffer("mean", torch.zeros(classes))

    def forward(self, output: Tensor) -> Tensor:
        """Outputs (m, c), without a gradient, whose softmax is that of `output` over the shares; these take the batch in first."""
        mean = self.get_buffer("mean")
        batch = torch.softmax(output.detach(), dim=-1).mean(dim=0)
        mean.copy_(torch.lerp(batch, mean, self._decay) if bool(mean.any()) else batch)
        return output.detach() - self._strength * torch.log(len(mean) * mean.clamp(min=torch.finfo(mean.dtype).tiny))
