"""Plain supervised training: a fixed number of optimiser steps, equal for every method with as many labels.

Reference:
    AdamW arXiv:1711.05101; one-cycle arXiv:1708.07120; label smoothing arXiv:1512.00567; weight averaging arXiv:1803.05407.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from querist.core.contracts import Report
from querist.core.errors import TrainingError
from querist.core.rng import Streams, torch_seed
from querist.learn.augment import Augment
from querist.learn.device import generator, scoring
from querist.learn.layout import layout
from querist.learn.optimiser import AdamW, one_cycle
from querist.learn.schemes.base import Fit, TrainingSet
from querist.nets.base import Network
from querist.tasks.classification.learning import ClassificationHead
from querist.tasks.classification.measures import class_weights

REPORT_EVERY = 20
"""Steps between progress reports (and between divergence checks, which cost a host synchronisation)."""


@dataclass(frozen=True)
class Steps:
    """Optimiser steps as a function of the number of labels alone: clip(per_label · labels, low, high)."""

    per_label: float = 0.3
    low: int = 300
    high: int = 1500

    def __call__(self, labels: int) -> int:
        """Number of steps for this many labels."""
        return int(min(max(math.ceil(self.per_label * labels), self.low), self.high))


@dataclass(frozen=True)
class Supervised:
    """AdamW with a one-cycle schedule.

    Attributes:
        steps: The step rule.
        batch: Items per step, at most all there are; shuffled epochs are laid end to end, so every step sees a full batch.
        rate: Peak learning rate.
        warmup: Share of the steps in which the rate rises.
        weight_decay: Decoupled weight decay.
        smoothing: Label smoothing.
        augment: Augmentation of each training batch.
        weighted: Weigh the loss by inverse class frequency.
        average: Share of the last steps whose weights are averaged; 0 keeps the last weights.
        validation: Share of the *labelled* items (counted in the budget) held back to choose the best of ten
            checkpoints; 0 trains on all and keeps the last.
    """

    steps: Steps = Steps()
    batch: int = 64
    rate: float = 4e-3
    warmup: float = 0.25
    weight_decay: float = 0.05
    smoothing: float = 0.05
    augment: Augment = Augment()
    weighted: bool = False
    average: float = 0.0
    validation: float = 0.0

    def fit(self, network: Network, task: ClassificationHead, data: TrainingSet, streams: Streams, report: Report) -> Fit:
        """Train `network` in place; see `Scheme`.

        Raises:
            TrainingError: when the loss is not finite, naming the step.
        """
        train, held = _hold_back(len(data.y), self.validation, streams)
        x, y = data.x[torch.from_numpy(train)], torch.from_numpy(data.y[train])
        weights = torch.from_numpy(class_weights(data.y[train], task.outputs)) if self.weighted else None
        total = self.steps(len(data.y))
        optimiser = AdamW(network.parameters(), self.weight_decay)
        noise = generator(torch_seed(streams("augment")))
        keeper = _Best(network, task, data, held) if len(held) else None
        mean = _Average(network, total - int(self.average * total)) if self.average else None
        loss = torch.zeros(())
        _training(network)
        with torch.random.fork_rng(devices=[]):
            # torch's dropout layers draw from the global generator only: it is set inside this fork and restored after.
            torch.manual_seed(torch_seed(streams("dropout")))
            for step, rows in enumerate(_batches(len(y), min(self.batch, max(len(y), 2)), total, streams("loader"))):
                batch = layout(self.augment(x[rows], noise))
                loss = task.loss(network(batch), y[rows], smoothing=self.smoothing, weights=weights).mean()
                optimiser.clear()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step(one_cycle(step, total + 1, self.rate, self.warmup))
                if mean is not None:
                    mean.take(step)
                if step % REPORT_EVERY == 0 or step == total - 1:
                    value = float(loss.detach())
                    _check(value, step)
                    report("train", (step + 1) / total, {"step": step + 1, "steps": total, "loss": value})
                if keeper is not None and (step + 1) % max(total // 10, 1) == 0:
                    keeper.offer()
        if mean is not None:
            mean.restore()
        if keeper is not None:
            keeper.restore()
        network.eval()
        return Fit(steps=total, loss=float(loss.detach()), validated_on=len(held))


def _batches(n: int, size: int, steps: int, rng: np.random.Generator) -> list[Tensor]:
    """Row indices of every step: epochs of shuffled rows laid end to end, so batches are always full."""
    epochs = -(-steps * size // n)
    order = np.concatenate([rng.permutation(n) for _ in range(epochs)])[: steps * size]
    return list(torch.from_numpy(order).view(steps, size))


def _training(network: Network) -> None:
    """Training mode, except for a frozen trunk: its BatchNorm statistics are part of what is kept."""
    network.train()
    parameters = list(network.trunk.parameters())
    if parameters and not any(parameter.requires_grad for parameter in parameters):
        network.trunk.eval()


def _check(loss: float, step: int) -> None:
    if not math.isfinite(loss):
        raise TrainingError("training diverged", got=f"loss {loss} at step {step}", wanted="a finite loss", hint="Lower the learning rate or check the inputs.")


def _hold_back(n: int, share: float, streams: Streams) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows to validate on, both ascending."""
    count = int(share * n)
    if not count:
        return np.arange(n), np.empty(0, dtype=np.int64)
    order = streams("split").permutation(n)
    return np.sort(order[count:]), np.sort(order[:count])


def _state(network: Network) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


class _Best:
    """Keeps the checkpoint with the lowest loss on held-back labelled items."""

    def __init__(self, network: Network, task: ClassificationHead, data: TrainingSet, held: np.ndarray) -> None:
        self._network, self._task = network, task
        self._x, self._y = data.x[torch.from_numpy(held)], torch.from_numpy(data.y[held])
        self._loss, self._kept = math.inf, _state(network)

    def offer(self) -> None:
        with scoring(self._network) as model:
            loss = float(self._task.loss(model(self._x), self._y).mean())
        if loss < self._loss:
            self._loss, self._kept = loss, _state(self._network)

    def restore(self) -> None:
        self._network.load_state_dict(self._kept)


class _Average:
    """Running mean of all weights and buffers from step `start` on."""

    def __init__(self, network: Network, start: int) -> None:
        self._network, self._start, self._count = network, start, 0
        self._mean: dict[str, Tensor] = {}

    def take(self, step: int) -> None:
        if step < self._start:
            return
        self._count += 1
        with torch.no_grad():
            for name, tensor in self._network.state_dict().items():
                if self._count == 1 or not tensor.is_floating_point():
                    self._mean[name] = tensor.detach().clone()
                else:
                    self._mean[name].add_((tensor - self._mean[name]) / self._count)

    def restore(self) -> None:
        if self._count:
            self._network.load_state_dict(self._mean)
