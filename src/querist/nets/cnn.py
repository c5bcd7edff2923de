"""Small convolutional networks for small images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from querist.core.errors import UsageError
from querist.nets.base import Network, initialise


@dataclass(frozen=True)
class SmallCNN:
    """Blocks of 3×3 convolution, BatchNorm, ReLU and 2×2 max pooling; a hidden linear layer; dropout; linear.

    Attributes:
        channels: One block per entry; a block halves the image.
        hidden: Width of the hidden layer behind the flattened last block; 0 goes straight to the last layer.
        dropout: Rate before the last linear layer, the only stochastic layer (MC dropout costs one pass).
    """

    channels: tuple[int, ...] = (16, 32, 64)
    hidden: int = 128
    dropout: float = 0.3

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for images (ch, h, w).

        Raises:
            UsageError: for inputs that are no images, or too small for the number of blocks.
        """
        if len(shape) != 3 or min(shape[1:]) < 2 ** len(self.channels):
            raise UsageError("SmallCNN cannot take this input", got=tuple(shape), wanted=f"(channels, height, width), at least {2 ** len(self.channels)} pixels a side")
        before, height, width = shape
        layers: list[nn.Module] = []
        for channels in self.channels:
            layers += [nn.Conv2d(before, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2)]
            before, height, width = channels, height // 2, width // 2
        layers.append(nn.Flatten())
        features = before * height * width
        if self.hidden:
            layers += [nn.Linear(features, self.hidden), nn.ReLU()]
            features = self.hidden
        network = Network(nn.Sequential(*layers), nn.Sequential(nn.Dropout(self.dropout), nn.Linear(features, outputs)))
        initialise(network, generator)
        return network
