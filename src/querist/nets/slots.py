"""A small network for images with several places side by side, a character in each: one classifier for all places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from querist.core.errors import UsageError
from querist.nets.base import Network, initialise


@dataclass(frozen=True)
class SlotCNN:
    """Convolutions, then the columns of the image cut into slots, each of which goes through the same two layers.

    The output is (n, slots · classes), slot by slot. What is learnt of a character in one place serves the others.

    Attributes:
        slots: Places, from left to right, of equal width.
        channels: One block (convolution, normalisation, halving) each.
        hidden: Width of the features of a slot.
        dropout: Rate before the last layer.
    """

    slots: int = 6
    channels: tuple[int, ...] = (24, 48)
    hidden: int = 96
    dropout: float = 0.3

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for images (ch, h, w) and `outputs` / `slots` classes.

        Raises:
            UsageError: for inputs that are no images or too narrow, or outputs that are not equally many for every slot.
        """
        scale = 2 ** len(self.channels)
        if len(shape) != 3 or shape[1] < scale or shape[2] < scale * self.slots or outputs % self.slots:
            wanted = f"(channels, height ≥ {scale}, width ≥ {scale * self.slots}), a multiple of {self.slots} outputs"
            raise UsageError("SlotCNN cannot take this", got=f"{tuple(shape)}, {outputs} outputs", wanted=wanted)
        layers: list[nn.Module] = []
        before = shape[0]
        for after in self.channels:
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.GELU(), nn.MaxPool2d(2)]
            before = after
        width = before * (shape[1] // scale) * 3
        layers += [Columns(self.slots), nn.Linear(width, self.hidden), nn.GELU()]
        head = nn.Sequential(nn.Dropout(self.dropout), Places(self.hidden, outputs // self.slots))
        network = Network(nn.Sequential(*layers), head, every_place)
        initialise(network, generator)
        return network


class Columns(nn.Module):
    """Maps (n, ch, h, w) → slots (n, slots, ch·h·3): each slot's columns, brought to three.

    Args:
        slots: How many.
    """

    def __init__(self, slots: int) -> None:
        super().__init__()
        self.slots = slots

    def forward(self, maps: Tensor) -> Tensor:
        """See the class."""
        even = functional.adaptive_avg_pool2d(maps, (maps.shape[2], 3 * self.slots))
        slots: Tensor = even.reshape(*even.shape[:3], self.slots, 3).permute(0, 3, 1, 2, 4).flatten(2)
        return slots


class Places(nn.Module):
    """Features (n, slots, width) → outputs (n, slots · classes) by one linear layer.

    Args:
        width: Of the features.
        classes: Of a slot.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, classes)

    def forward(self, hidden: Tensor) -> Tensor:
        """See the class."""
        out: Tensor = self.linear(hidden).flatten(1)
        return out


def every_place(hidden: Tensor) -> Tensor:
    """Features (n, slots·width) of an item: those of its slots side by side."""
    return hidden.flatten(1)
