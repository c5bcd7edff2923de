"""Residual networks of stacks of blocks, and a factory that may grow from round to round (Active-iNAS).

Reference:
    He et al. 2016, arXiv 1512.03385; Geifman & El-Yaniv 2019, "Deep active learning with a neural architecture search", arXiv 1811.07579.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.nets.base import Network, initialise

LARGE = 24
"""Pixels of a side from which on the stem pools: small images would have nothing left."""


class Block(nn.Module):
    """Two convolutions beside a shortcut; a stride or a change of width puts a 1 × 1 convolution into the shortcut.

    Args:
        before: Channels that come in.
        channels: Channels that go out.
        stride: Of the first convolution.
    """

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(before, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))
        same = before == channels and stride == 1
        self.short: nn.Module = nn.Identity() if same else nn.Sequential(nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
        self.out = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(n, before, h, w) → (n, channels, ⌈h / stride⌉, ⌈w / stride⌉)."""
        out: Tensor = self.out(self.second(self.first(x)) + self.short(x))
        return out


@dataclass(frozen=True)
class Residual:
    """A(blocks, stacks): stacks of as many blocks each; every later stack halves the image and doubles the width.

    Attributes:
        blocks: Of each stack.
        stacks: Their number.
        width: Channels of the stem and of the first stack.
        dropout: Rate before the last linear layer.
    """

    blocks: int = 1
    stacks: int = 1
    width: int = 16
    dropout: float = 0.3

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for images (ch, h, w).

        Raises:
            UsageError: for inputs that are no images, or fewer than one block or stack.
        """
        if len(shape) != 3 or min(self.blocks, self.stacks) < 1:
            raise UsageError(
                "a residual network takes images",
                got=f"{tuple(shape)}, {self.blocks} blocks, {self.stacks} stacks",
                wanted="(channels, height, width), ≥ 1 block and stack",
            )
        layers: list[nn.Module] = [nn.Conv2d(shape[0], self.width, 3, padding=1, bias=False), nn.BatchNorm2d(self.width), nn.ReLU()]
        if min(shape[1:]) >= LARGE:
            layers.append(nn.MaxPool2d(3, 2, 1))
        before = self.width
        for stack in range(self.stacks):
            for block in range(self.blocks):
                channels = self.width * 2**stack
                layers.append(Block(before, channels, 2 if stack and not block else 1))
                before = channels
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        network = Network(nn.Sequential(*layers), nn.Sequential(nn.Dropout(self.dropout), nn.Linear(before, outputs)))
        initialise(network, generator)
        return network


@dataclass(frozen=True)
class Growing:
    """A residual network that begins small and in every round may grow by one step, as held-back labels decide (`learn.architecture`).

    Attributes:
        start: The architecture of the first search.
        most_blocks: Limit of blocks of a stack.
        most_stacks: Limit of stacks.
        searches: Steps of growth in a round, at most; they end where the current architecture wins.
        share: Part of the labelled items that is held back in the search; the winner is trained on all.
    """

    start: Residual = Residual()
    most_blocks: int = 4
    most_stacks: int = 3
    searches: int = 1
    share: float = 0.2

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """The network that a search begins with."""
        return self.start.make(shape, outputs, generator)

    def candidates(self, current: Residual) -> tuple[Residual, ...]:
        """The current architecture, a block more in every stack, and a stack more with just more blocks in all, within the limits."""
        i, j = current.blocks, current.stacks
        sizes = [(i, j), (i + 1, j), (i * j // (j + 1) + 1, j + 1)]
        kept = [sizes[0], *([sizes[1]] if i < self.most_blocks else []), *([sizes[2]] if j < self.most_stacks else [])]
        return tuple(dataclasses.replace(current, blocks=blocks, stacks=stacks) for blocks, stacks in kept)
