"""Which weights a stage ends with: the best of some checkpoints, a mean of the last, or a mean that follows."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from querist.learn.device import scoring
from querist.learn.task import TaskHead
from querist.nets.base import Network

State = dict[str, Tensor]


def weights(module: nn.Module) -> State:
    """A copy of all weights and buffers."""
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


class Best:
    """Keeps the checkpoint with the lowest loss on held-back labelled items.

    Args:
        network: What is trained.
        task: Gives the loss.
        x, y: The held-back items.
    """

    def __init__(self, network: Network, task: TaskHead, x: Tensor, y: Tensor) -> None:
        self._network, self._task, self._x, self._y = network, task, x, y
        self._loss, self._kept = math.inf, weights(network)

    def offer(self) -> None:
        """Look at the present weights."""
        with scoring(self._network) as model:
            loss = float(self._task.loss(model(self._x), self._y).mean())
        if loss < self._loss:
            self._loss, self._kept = loss, weights(self._network)

    def restore(self) -> None:
        """Give the network what was kept."""
        self._network.load_state_dict(self._kept)

    def state(self) -> State:
        """For a checkpoint."""
        return {"loss": torch.tensor(self._loss, dtype=torch.float64), **{f"kept/{name}": tensor for name, tensor in self._kept.items()}}

    def load(self, state: State) -> None:
        """From a checkpoint."""
        self._loss, self._kept = float(state["loss"]), {name.removeprefix("kept/"): tensor for name, tensor in state.items() if name.startswith("kept/")}


class Average:
    """Running mean of all weights and buffers from step `start` on.

    Args:
        network: What is trained.
        start: First step that counts.
    """

    def __init__(self, network: nn.Module, start: int) -> None:
        self._network, self._start, self._count = network, start, 0
        self._mean: State = {}

    def take(self, step: int) -> None:
        """Count the weights after this step."""
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
        """Give the network the mean."""
        if self._count:
            self._network.load_state_dict(self._mean)

    def state(self) -> State:
        """For a checkpoint."""
        return {"count": torch.tensor(self._count), **{f"mean/{name}": tensor for name, tensor in self._mean.items()}}

    def load(self, state: State) -> None:
        """From a checkpoint."""
        self._count = int(state["count"])
        self._mean = {name.removeprefix("mean/"): tensor for name, tensor in state.items() if name.startswith("mean/")}


@torch.no_grad()
def follow(follower: nn.Module, leader: nn.Module, decay: float, step: int) -> None:
    """One step of an exponential mean of parameters, arXiv 1703.01780; buffers are copied.

    Args:
        follower: Changed in place.
        leader: Read.
        decay: Upper bound of the factor of the past.
        step: From 0; the factor is at most 1 - 1 / (step + 1).
    """
    past = min(1.0 - 1.0 / (step + 1), decay)
    for mean, new in zip(follower.parameters(), leader.parameters(), strict=True):
        mean.lerp_(new, 1.0 - past)  # unlike the sum of two products it leaves what does not move to the bit
    for kept, current in zip(follower.buffers(), leader.buffers(), strict=True):
        kept.copy_(current)
