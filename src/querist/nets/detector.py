"""A small one-stage detector without anchors: trained from scratch on small pictures in tens of seconds on one core.

Reference:
    Tian et al. 2019 (FCOS), arXiv 1904.01355; feature pyramids: Lin et al. 2017, arXiv 1612.03144. Much smaller than either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from querist.core.errors import UsageError
from querist.nets.base import Network, initialise

PRIOR: Final = 4.0
"""Side of a place's prior box, in strides."""
RARELY: Final = 0.03
"""Share of the places that a fresh network takes for an object."""
_WIDEST = 5.0


@dataclass(frozen=True)
class SmallDetector:
    """Convolutions down to the coarsest stride, back up with a sum at every level, one more convolution, one linear layer at every place.

    The output is (n, places, numbers): logits of the classes and, last, of background; the box x1 y1 x2 y2 in pixels; the place's prior
    box; its level; what a second classifier and one for bags say; further numbers.

    Attributes:
        strides: Of the levels, powers of two from 4 on, each twice the one before.
        channels: Of the backbone, one for every halving.
        width: Of the features at a place.
        dropout: Rate before the last layer.
        two: Whether there is a second classifier and one for bags (MI-AOD): c + 1 and c logits behind what every detector says of a place.
        further: Numbers of a place behind these.
    """

    strides: tuple[int, ...] = (4, 8)
    channels: tuple[int, ...] = (24, 48, 96)
    width: int = 64
    dropout: float = 0.2
    two: bool = False
    further: int = 0

    finds_boxes: ClassVar[bool] = True

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for images (ch, h, w) and `outputs` classes.

        Raises:
            UsageError: for inputs that are no images, or whose sides the coarsest stride does not divide.
        """
        coarsest = self.strides[-1]
        if len(shape) != 3 or any(side % coarsest or side < 2 * coarsest for side in shape[1:]):
            wanted = f"(channels, height, width), multiples of {coarsest}"
            raise UsageError("SmallDetector cannot take this input", got=tuple(shape), wanted=wanted)
        if len(self.channels) != round(math.log2(coarsest)) or any(2 * a != b for a, b in zip(self.strides, self.strides[1:], strict=False)):
            raise UsageError("channels and strides do not match", got=(self.channels, self.strides), wanted="one entry of channels for every halving")
        pyramid = Pyramid(shape[0], self.channels, len(self.strides), self.width)
        last = PlaceLayer(self.width, outputs, grid(shape[1], shape[2], self.strides), self.two, self.further)
        network = Network(pyramid, nn.Sequential(nn.Dropout(self.dropout), last), mean_place)
        initialise(network, generator)
        with torch.no_grad():
            last.boxes.weight.mul_(0.3)
            for layer in (last.first, *([last.second] if self.two else [])):
                layer.weight.mul_(0.3)
                layer.bias.zero_()
                layer.bias[outputs] = math.log(outputs * (1 - RARELY) / RARELY)
            last.boxes.bias.zero_()
        return network


class Pyramid(nn.Module):
    """Images → features (n, places, width), level by level from the finest, row by row.

    Args:
        before: Channels of the images.
        channels: Of the backbone, one for every halving.
        levels: How many of its stages are read.
        width: Of the features.
    """

    def __init__(self, before: int, channels: Sequence[int], levels: int, width: int) -> None:
        super().__init__()
        stages = []
        for number, after in enumerate(channels):
            layers = [*_convolution(before, after, 2), *([] if number == 0 else _convolution(after, after))]
            stages.append(nn.Sequential(*layers))
            before = after
        self.stages = nn.ModuleList(stages)
        self.across = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels[-levels:])
        self.towers = nn.ModuleList(nn.Sequential(*_convolution(width, width)) for _ in range(levels))

    def forward(self, x: Tensor) -> Tensor:
        """(n, places, width)."""
        return torch.cat([level.flatten(2).transpose(1, 2) for level in self.levels(x)], dim=1)

    def levels(self, x: Tensor) -> list[Tensor]:
        """The maps (n, width, h, w), the finest first."""
        seen = []
        for stage in self.stages:
            x = stage(x)
            seen.append(x)
        maps: list[Tensor] = []
        for across, found in zip(reversed(self.across), reversed(seen), strict=False):
            here = across(found)
            maps.append(here + functional.interpolate(maps[-1], scale_factor=2.0) if maps else here)
        return [tower(found) for tower, found in zip(self.towers, reversed(maps), strict=True)]


class PlaceLayer(nn.Module):
    """Features (n, places, width) → (n, places, numbers): linear layers and the arithmetic that makes four of their numbers boxes in pixels.

    Args:
        width: Of the features.
        classes: Without background.
        places: (places, 4): middle x and y, stride and level of each.
        two: Whether there is a second classifier and one for bags.
        further: Numbers beyond these, as a linear layer gives them.
    """

    priors: Tensor
    level: Tensor
    reach: Tensor

    def __init__(self, width: int, classes: int, places: Tensor, two: bool = False, further: int = 0) -> None:
        super().__init__()
        self.classes = classes
        self.first, self.boxes = nn.Linear(width, classes + 1), nn.Linear(width, 4)
        if two:
            self.second, self.bags = nn.Linear(width, classes + 1), nn.Linear(width, classes)
        if further:
            self.further = nn.Linear(width, further)
        middle, half = places[:, :2], places[:, 2:3] * PRIOR / 2
        self.register_buffer("priors", torch.cat([middle - half, middle + half], dim=1), persistent=False)
        self.register_buffer("level", places[:, 3:].clone(), persistent=False)
        self.register_buffer("reach", half, persistent=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """(n, places, classes + 1 + 4 + 4 + 1, and further numbers)."""
        away = self.reach * self.boxes(hidden).clamp(-_WIDEST, _WIDEST).exp()
        middle = (self.priors[:, :2] + self.priors[:, 2:]) / 2
        found = torch.cat([middle - away[..., :2], middle + away[..., 2:]], dim=-1)
        fixed = torch.cat([self.priors, self.level], dim=1).expand(*hidden.shape[:-1], 5)
        beside = [getattr(self, name)(hidden) for name in ("second", "bags", "further") if hasattr(self, name)]
        return torch.cat([self.first(hidden), found, fixed, *beside], dim=-1)


def grid(height: int, width: int, strides: Sequence[int]) -> Tensor:
    """(places, 4): middle x and y, stride and level of every place, level by level, row by row."""
    parts = []
    for level, stride in enumerate(strides):
        y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        middle = torch.stack([x.flatten(), y.flatten()], dim=1) * stride + stride / 2
        parts.append(torch.cat([middle, torch.full((len(middle), 1), float(stride)), torch.full((len(middle), 1), float(level))], dim=1))
    return torch.cat(parts)


def mean_place(hidden: Tensor) -> Tensor:
    """Features (n, width) of an item from those of its places: their mean."""
    return hidden.mean(dim=1)


def _convolution(before: int, after: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
