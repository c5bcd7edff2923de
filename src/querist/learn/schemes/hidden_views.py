"""Every hidden layer is a view with a classifier of its own; a view counts by how well it does on labels that its classifier has not seen.

Reference:
    He, Jin, Ding, Yi & Yan 2019, "Towards better uncertainty sampling: active learning with multiple views for deep convolutional neural network"
    (AL-MV), ICME.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from querist.core.contracts import Report
from querist.core.errors import UsageError
from querist.core.rng import Streams
from querist.learn.device import evaluating
from querist.learn.hidden import pooled, tapped
from querist.learn.layout import layout
from querist.learn.programme import PART, Programme, Programmed, Setting, Stage, Term
from querist.learn.schemes.base import Fit, TrainingSet
from querist.learn.schemes.supervised import Supervised
from querist.learn.stage_run import hold_back
from querist.learn.step import Step
from querist.learn.task import TaskHead
from querist.learn.training import Training, carried_out
from querist.nets.base import Network, initialise

FOLDS = 8 * PART
"""Added to a member's number for the stream of the folds."""


class Views(nn.Module):
    """A linear classifier per view and fold, and how much each view counts.

    Args:
        widths: Hidden layer → its channels; the features in front of the last layer come after them.
        features: Their width.
        outputs: Of the task.
        folds: Classifiers of a view, each without its part of the labels.
    """

    def __init__(self, widths: Mapping[str, int], features: int, outputs: int, folds: int) -> None:
        super().__init__()
        self.names, self.folds, self.outputs = tuple(widths), folds, outputs
        self.heads = nn.ModuleList(nn.Linear(width, folds * outputs) for width in (*widths.values(), features))
        self.weight: Tensor
        self.register_buffer("weight", torch.full((len(self.heads),), 1.0 / len(self.heads)))

    def forward(self, hidden: Mapping[str, Tensor], features: Tensor) -> Tensor:
        """(n, views, folds, c) of layers whose gradient stops here: the network is trained as it would be without."""
        read = [*(pooled(hidden[name]) for name in self.names), features]
        return torch.stack([head(out.detach()).unflatten(1, (self.folds, self.outputs)) for head, out in zip(self.heads, read, strict=True)], dim=1)


@dataclass(frozen=True)
class HiddenViews:
    """The inner scheme with classifiers on hidden layers; it provides `view_uncertainty`.

    Attributes:
        inner: What trains the network.
        views: The last so many, of which the network's own output is the last; 0 for all.
        folds: Parts of the labels; a view is judged on each part by the classifier that has not seen it. Labels that the inner scheme holds
            back judge instead, where it does.
        temperature: τ: weights are softmax(-cross-entropy / τ).
    """

    inner: Programmed = Supervised()
    views: int = 0
    folds: int = 3
    temperature: float = 0.1
    provides: ClassVar[frozenset[str]] = frozenset({"view_uncertainty"})

    def fit(self, network: Network, task: TaskHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`."""
        return carried_out(self, Setting(network, task, data, streams), report)

    def programme(self, setting: Setting) -> Programme:
        """The inner programme, with a term that trains the classifiers and a last act that weighs them.

        Raises:
            UsageError: for targets that are no classes, or fewer than two folds.
        """
        if setting.data.y.ndim != 1 or setting.data.y.dtype.kind != "i" or self.folds < 2:
            raise UsageError("views are weighed by what they say of classes, in folds", got=f"targets of type {setting.data.y.dtype}", wanted="classification")
        widths, features = layer_widths(setting.network, tuple(setting.data.x.shape[1:]))
        kept = list(widths)[max(len(widths) + 1 - self.views, 0) :] if self.views else list(widths)
        module = Views({name: widths[name] for name in kept}, features, setting.task.outputs, self.folds)
        initialise(module, setting.generator(0))
        made = self.inner.programme(setting)
        # At random: places in the order of ids may go with the classes.
        folds = torch.from_numpy(setting.streams.of(setting.streams.member + FOLDS)("auxiliary").permutation(len(setting.data.y)) % self.folds)

        def loss(step: Step) -> Tensor:
            losses = _losses(module, step.task, step.output.hidden, step.output.features, step.y)
            seen = torch.arange(self.folds) != folds[step.rows % len(folds)][:, None]
            return (losses * seen[:, None]).sum(dim=(1, 2))

        def weigh(training: Training) -> None:
            entropy = judged(module, folds, training, made.stage(), training.modules[made.answers])
            module.weight.copy_(torch.softmax(-entropy / self.temperature, dim=0))

        joined = made.joined(Term("views", loss), modules={"views": module}, hidden=True)
        return dataclasses.replace(joined, after=(*made.after, weigh))

    def aside(self) -> HiddenViews:
        """The same: the network never sees a classifier's gradient."""
        return self

    def around(self, scheme: Any) -> HiddenViews:
        """The same with another scheme inside."""
        return dataclasses.replace(self, inner=scheme)


def layer_widths(network: Network, shape: Sequence[int]) -> tuple[dict[str, int], int]:
    """Hidden layer → channels, those left out that are the features themselves; and the width of the features."""
    with evaluating(network), torch.no_grad(), tapped(network) as seen:
        features = network.trunk(torch.zeros((1, *shape)))
        return {name: out.shape[1] for name, out in seen.items() if out is not features}, features.shape[1]


def judged(module: Views, folds: Tensor, training: Training, stage: Stage, network: nn.Module) -> Tensor:
    """Cross-entropy (views,) on labels held back, or else of each label by the classifier that has not seen it."""
    assert isinstance(network, Network)
    data, task = training.setting.data, training.setting.task
    train, held = hold_back(len(data.y), stage.validation, training.setting.streams)
    rows = held if len(held) else train
    total = torch.zeros(len(module.heads))
    with evaluating(network), evaluating(module), torch.no_grad(), tapped(network) as seen:
        for part in np.array_split(np.arange(len(rows)), max(len(rows) // 256, 1)):
            features = network.trunk(layout(data.x[torch.from_numpy(rows[part])]))
            losses = _losses(module, task, seen, features, torch.from_numpy(data.y[rows[part]]))
            own = losses.mean(dim=2) if len(held) else losses[torch.arange(len(part)), :, folds[torch.from_numpy(part)]]
            total += own.sum(dim=0)
    return total / len(rows)


def _losses(module: Views, task: TaskHead, hidden: Mapping[str, Tensor], features: Tensor, y: Tensor) -> Tensor:
    """(n, views, folds)."""
    logits = module(hidden, features)
    views, folds = logits.shape[1:3]
    return task.loss(logits.flatten(0, 2), y.repeat_interleave(views * folds)).view(len(y), views, folds)
