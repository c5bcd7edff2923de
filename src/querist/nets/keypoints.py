"""A small network for key points: one heat map a point, read as the place that is expected of it.

Reference:
    Sun, Xiao, Wei, Liang & Wei 2018, "Integral human pose regression", arXiv 1711.08229. Much smaller, trained from scratch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.nets.base import Network, initialise


@dataclass(frozen=True)
class Keypoints:
    """Convolutions down to a quarter of the side, some of them dilated, then heat maps and their expected places.

    The output is x and y of every point in turn, in units in which the picture goes from -1 to 1.

    Attributes:
        channels: Of the two halvings.
        dilations: Of the convolutions behind them, which see far.
        dropout: Rate before the heat maps.
    """

    channels: tuple[int, ...] = (24, 48)
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    dropout: float = 0.1

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for images (ch, h, w) and `outputs` / 2 points.

        Raises:
            UsageError: for inputs that are no images, or coordinates that make no points.
        """
        smallest = 2 ** len(self.channels)
        if len(shape) != 3 or min(shape[1:]) < smallest or outputs % 2:
            got = f"{tuple(shape)}, {outputs} outputs"
            raise UsageError("Keypoints cannot take this", got=got, wanted=f"(channels, height, width), at least {smallest} pixels a side, x and y each")
        before, layers = shape[0], []
        for after in self.channels:
            layers += _convolution(before, after, stride=2)
            before = after
        for dilation in self.dilations:
            layers += _convolution(before, before, dilation=dilation)
        head = nn.Sequential(nn.Dropout2d(self.dropout), ExpectedPlaces(before, outputs // 2))
        network = Network(nn.Sequential(*layers), head, mean_pixel)
        initialise(network, generator)
        return network


class ExpectedPlaces(nn.Module):
    """Features (n, width, h, w) → x and y (n, 2·points) from -1 to 1: means over a softmax of each heat map.

    Args:
        width: Of the features.
        points: Number of heat maps.
    """

    def __init__(self, width: int, points: int) -> None:
        super().__init__()
        self.maps = nn.Conv2d(width, points, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        """See the class."""
        maps = self.maps(hidden)
        share = maps.flatten(2).softmax(dim=-1).view_as(maps)
        x = (share.sum(dim=2) * _middles(maps.shape[3])).sum(dim=-1)
        y = (share.sum(dim=3) * _middles(maps.shape[2])).sum(dim=-1)
        return torch.stack([x, y], dim=-1).flatten(1)


def mean_pixel(hidden: Tensor) -> Tensor:
    """Features (n, width) of an item from those of its pixels: their mean."""
    return hidden.mean(dim=(2, 3))


def _middles(count: int) -> Tensor:
    """Middles of `count` pixels between -1 and 1."""
    return (torch.arange(count) * 2 + 1) / count - 1


def _convolution(before: int, after: int, stride: int = 1, dilation: int = 1) -> list[nn.Module]:
    side = 5 if stride > 1 else 3
    padding = dilation * (side // 2)
    return [nn.Conv2d(before, after, side, stride=stride, padding=padding, dilation=dilation, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
