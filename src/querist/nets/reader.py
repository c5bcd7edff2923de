"""A small network that reads a line of text in a picture, from scratch: convolutions, then its columns as steps; scores of characters at every step.

Reference:
    Graves et al. 2006 (connectionist temporal classification); Shi, Bai & Yao 2017, arXiv 1507.05717 (convolutions, then steps).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.nets.base import Network, initialise


class Columns(nn.Module):
    """Columns of a feature map as steps, each with its neighbours: (n, ch, h, w) → (n, w, width)."""

    def __init__(self, height: int, channels: int, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * height * channels, width)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        steps = nn.functional.pad(x.flatten(1, 2), (1, 1)).transpose(1, 2)
        return torch.relu(self.layer(steps.unfold(1, 3, 1).flatten(2)))


@dataclass(frozen=True)
class Reader:
    """Two convolutions that halve the width and quarter the height, columns, dropout, linear.

    Attributes:
        channels: Of the two convolutions.
        width: Features of a step.
        dropout: Rate before the last layer.
    """

    channels: tuple[int, int] = (32, 48)
    width: int = 128
    dropout: float = 0.3

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for pictures (ch, h, w); it gives scores (n, w / 2, outputs).

        Raises:
            UsageError: for items that are no pictures of at least 4 × 4.
        """
        if len(shape) != 3 or min(shape[1:]) < 4:
            raise UsageError("a reader cannot take this input", got=tuple(shape), wanted="pictures of at least 4 × 4, as (channels, height, width)")
        first, second = self.channels
        trunk = nn.Sequential(
            nn.Conv2d(shape[0], first, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(first, second, 3, padding=1), nn.ReLU(), nn.MaxPool2d((2, 1)), Columns(shape[1] // 4, second, self.width),
        )  # fmt: skip
        network = Network(trunk, nn.Sequential(nn.Dropout(self.dropout), nn.Linear(self.width, outputs)), mean_step)
        initialise(network, generator)
        return network


def mean_step(hidden: Tensor) -> Tensor:
    """Features (n, d) of an item: the mean over its steps (n, t, d)."""
    return hidden.mean(dim=1)
