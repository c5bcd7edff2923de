"""Small convolutional networks for small images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

from querist.core.errors import UsageError
from querist.nets.base import Network, initialise


@dataclass(frozen=True)
class SmallCNN:
    """Blocks of 3×3 convolution, pooling, BatchNorm and GELU; a normalised hidden layer; dropout; linear.

    All blocks but the last max-pool before the norm (a quarter of the work); the last one averages.
    BatchNorm in the hidden layer is worth more than a point of accuracy at 1,000 labels (see the recipe's record).

    Attributes:
        channels: One block per entry; a block halves the image.
        stem: Channels of a first convolution at full resolution, 0 for none (very small images need one).
        hidden: Width of the hidden layer; 0 goes straight from the last block to the last layer.
        dropout: Rate before the last linear layer, the only stochastic layer (MC dropout costs one pass).
    """

    channels: tuple[int, ...] = (32, 64, 64)
    stem: int = 0
    hidden: int = 128
    dropout: float = 0.5

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for images (ch, h, w).

        Raises:
            UsageError: for inputs that are no images, or too small for the number of blocks.
        """
        smallest = 2 ** len(self.channels)
        if len(shape) != 3 or min(shape[1:]) < smallest:
            raise UsageError("SmallCNN cannot take this input", got=tuple(shape), wanted=f"(channels, height, width), at least {smallest} pixels a side")
        before, height, width = shape
        layers: list[nn.Module] = []
        if self.stem:
            layers += [nn.Conv2d(before, self.stem, 3, padding=1, bias=False), nn.BatchNorm2d(self.stem), nn.GELU()]
            before = self.stem
        for number, channels in enumerate(self.channels, start=1):
            norm: list[nn.Module] = [nn.BatchNorm2d(channels), nn.GELU()]
            last = number == len(self.channels)
            layers += [nn.Conv2d(before, channels, 3, padding=1, bias=False)]
            layers += [*norm, nn.AvgPool2d(2, ceil_mode=True)] if last else [nn.MaxPool2d(2), *norm]
            up = 1 if last else 0  # the average pool keeps a last odd row
            before, height, width = channels, (height + up) // 2, (width + up) // 2
        layers.append(nn.Flatten())
        features = before * height * width
        if self.hidden:
            layers += [nn.Linear(features, self.hidden, bias=False), nn.BatchNorm1d(self.hidden), nn.GELU()]
            features = self.hidden
        network = Network(nn.Sequential(*layers), nn.Sequential(nn.Dropout(self.dropout), nn.Linear(features, outputs)))
        initialise(network, generator)
        return network


PLACES: Final = ("head", "last_block", "all")


@dataclass(frozen=True)
class PlacedDropout:
    """A small convolutional network with its dropout elsewhere; the weights drawn are those of the network itself.

    Posterior samples by MC dropout then cost whole passes, unless all dropout is in the head.

    Attributes:
        network: The network; its rate holds at every place.
        place: `head` is the network as it is; `last_block` drops what the last block gives, and nothing else; `all` drops before
            every convolution but the first, before the hidden layer and before the last layer.

    Reference:
        Zeng, Lesnikowski & Alvarez 2018, arXiv:1811.12535 (where Bayesian layers belong).
    """

    network: SmallCNN = SmallCNN()
    place: str = "all"

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for images (ch, h, w).

        Raises:
            UsageError: for an unknown place, and where the network itself refuses.
        """
        if self.place not in PLACES:
            raise UsageError("there is no such place for dropout", got=self.place, wanted=", ".join(PLACES))
        made = self.network.make(shape, outputs, generator)
        if self.place == "head":
            return made
        layers: list[nn.Module] = []
        for number, layer in enumerate(made.trunk.children()):
            inner = self.place == "all" and number > 0 and isinstance(layer, nn.Conv2d)
            layers += [nn.Dropout(self.network.dropout), layer] if inner or isinstance(layer, nn.Flatten) else [layer]
        head = made.head if self.place == "all" else nn.Sequential(made.last)
        return Network(nn.Sequential(*layers), head)
