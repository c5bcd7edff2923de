"""A network for several answers per item that is told which of them are asked for: see `data.slots`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.nets.base import Network, NetworkFactory


class Told(NamedTuple):
    """What the inner network gives, and which slots are asked for (n, slots): 1, others -1."""

    seen: Any
    asked: Tensor


@dataclass(frozen=True)
class Asked:
    """Any network of `multi_output`; the last channels of its input say which slots are asked for, and are handed on behind the outputs.

    Outputs are (n, outputs + slots). Where the inner network has features of every slot, an item's are the mean over the slots that are asked for.

    Attributes:
        network: Sees the other channels.
        slots: Number of slots.
    """

    network: NetworkFactory
    slots: int

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for inputs (ch + slots, …).

        Raises:
            UsageError: for inputs without so many channels.
        """
        if self.slots < 1 or shape[0] <= self.slots:
            raise UsageError("Asked cannot take this input", got=tuple(shape), wanted=f"more than {self.slots} channels, the last of which are slots")
        inner = self.network.make((shape[0] - self.slots, *shape[1:]), outputs, generator)
        head = nn.Sequential(*(_Inside(layer) for layer in list(inner.head)[:-1]), _Behind(inner.head[-1]))
        describe = inner.describe

        def mean(told: Told) -> Tensor:
            seen: Tensor = told.seen
            if seen.ndim != 3 or seen.shape[1] != self.slots:
                return seen.flatten(1) if describe is None else describe(seen)
            inside = (told.asked > 0).to(seen.dtype)[..., None]
            return (seen * inside).sum(dim=1) / inside.sum(dim=1).clamp(min=1.0)

        return Network(_Split(inner.trunk, self.slots), head, mean)


class _Split(nn.Module):
    def __init__(self, trunk: nn.Module, slots: int) -> None:
        super().__init__()
        self.trunk, self.slots = trunk, slots

    def forward(self, x: Tensor) -> Told:
        asked = x[:, -self.slots :].flatten(2).mean(dim=2) if x.ndim > 2 else x[:, -self.slots :]
        return Told(self.trunk(x[:, : -self.slots]), torch.where(asked > 0, 1.0, -1.0))


class _Inside(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, told: Told) -> Told:
        return Told(self.layer(told.seen), told.asked)


class _Behind(_Inside):
    def forward(self, told: Told) -> Tensor:  # type: ignore[override]
        return torch.cat([self.layer(told.seen), told.asked], dim=-1)
