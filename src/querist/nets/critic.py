"""A small discriminator for images of any size, or vectors: input → one number, higher where it looks real. No layer normalises over a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from querist.nets.base import initialise


class Critic(nn.Module):
    """Input (n, *shape) and a condition (n, condition) → (n,).

    Args:
        shape: Of an input: (ch, h, w) or (d,).
        condition: Numbers read beside the input's features: a class as zeros and a one; 0 for none.
        channels: Of the convolutions, each of which halves the image; not used for vectors.
        hidden: Width of the hidden layer, of two for vectors.
    """

    def __init__(self, shape: Sequence[int], condition: int = 0, channels: tuple[int, ...] = (16, 32), hidden: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if len(shape) == 3:
            before, sides = shape[0], tuple(shape[1:])
            for count in channels:
                layers += [nn.Conv2d(before, count, 3, stride=2, padding=1), nn.LeakyReLU(0.2)]
                before, sides = count, tuple((side + 1) // 2 for side in sides)
            layers += [nn.Flatten()]
            width = before * math.prod(sides)
        else:
            layers += [nn.Flatten(), nn.Linear(math.prod(shape), hidden), nn.LeakyReLU(0.2)]
            width = hidden
        self.features = nn.Sequential(*layers)
        self.judge = nn.Sequential(nn.Linear(width + condition, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """(n,)."""
        found = self.features(x)
        out: Tensor = self.judge(found if condition is None else torch.cat([found, condition], dim=1))
        return out.squeeze(1)


def critic(shape: Sequence[int], generator: torch.Generator, condition: int = 0) -> Critic:
    """A critic whose weights are a function of the generator alone."""
    made = Critic(shape, condition)
    initialise(made, generator)
    return made.to(memory_format=torch.channels_last)
