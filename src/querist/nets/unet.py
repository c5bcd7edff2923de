"""A small U-Net for images and volumes, trained from scratch: an encoder, dropout at the bottleneck, a decoder that reads the encoder's maps.

Reference:
    Ronneberger, Fischer & Brox 2015, arXiv 1505.04597; side outputs as Zhao et al. 2020, arXiv 2005.03225.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from querist.core.errors import UsageError
from querist.nets.base import Network, initialise

_CONV: Final[dict[int, Any]] = {2: nn.Conv2d, 3: nn.Conv3d}
_NORM: Final[dict[int, Any]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_POOL: Final[dict[int, Any]] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}


class Maps(NamedTuple):
    """What the trunk gives: the last decoder map `final` (n, f, *grid), coarser ones `sides`, the `deepest` of the encoder, and the `window` or None."""

    final: Tensor
    sides: tuple[Tensor, ...]
    deepest: Tensor
    window: Tensor | None


class Trunk(nn.Module):
    """Encoder and decoder.

    Args:
        before: Input channels, without the window.
        channels: Of the levels, from the image down; each level halves it.
        dims: 2 or 3.
        dropout: Rate at the bottleneck.
        sides: Coarser decoder maps to give.
        window: Whether the last input channel is the window, which is handed on.
    """

    def __init__(self, before: int, channels: Sequence[int], dims: int, dropout: float, sides: int, window: bool) -> None:
        super().__init__()
        widths = [before, *channels]
        self.window, self.side_count = window, sides
        self.down = nn.ModuleList(_block(a, b, dims) for a, b in pairwise(widths))
        self.up = nn.ModuleList(_block(a + b, b, dims) for a, b in zip(channels[:0:-1], channels[-2::-1], strict=True))
        self.pool, self.dropout = _POOL[dims](2, ceil_mode=True), nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Maps:
        """Maps of inputs (n, ch, *grid)."""
        return self.after(self.before(x))

    def before(self, x: Tensor) -> tuple[list[Tensor], Tensor | None]:
        """The encoder's maps, from the image down, and the window: see `nets.base.Halved`."""
        window = x[:, -1:] if self.window else None
        x = x[:, :-1] if self.window else x
        seen: list[Tensor] = []
        for number, block in enumerate(self.down):
            x = block(self.pool(x) if number else x)
            seen.append(x)
        return seen, window

    def after(self, state: tuple[list[Tensor], Tensor | None]) -> Maps:
        """Dropout and the decoder."""
        seen, window = state
        deepest = x = self.dropout(seen[-1])
        decoded: list[Tensor] = []
        for block, skip in zip(self.up, seen[-2::-1], strict=True):
            x = block(torch.cat([functional.interpolate(x, size=skip.shape[2:], mode="nearest"), skip], dim=1))
            decoded.append(x)
        return Maps(x, tuple(decoded[-2::-1][: self.side_count]), deepest, window)


class Logits(nn.Module):
    """The last layer: logits of the final map, then of the sides as large as it, then the window, joined in the channel axis."""

    def __init__(self, channels: Sequence[int], outputs: int, dims: int) -> None:
        super().__init__()
        self.each = nn.ModuleList(_CONV[dims](width, outputs, 1) for width in channels)

    def forward(self, maps: Maps) -> Tensor:
        """(n, c·s + w, *grid)."""
        size = maps.final.shape[2:]
        coarse = [functional.interpolate(layer(side), size=size, mode="nearest") for layer, side in zip(self.each[1:], maps.sides, strict=True)]
        return torch.cat([self.each[0](maps.final), *coarse, *([] if maps.window is None else [maps.window])], dim=1)


@dataclass(frozen=True)
class UNet:
    """U-Net of two convolutions with BatchNorm a level.

    Attributes:
        channels: Of the levels, from the image down, at least two.
        dropout: Rate at the bottleneck, what MC dropout samples; 0 for none.
        sides: Outputs of coarser decoder stages beside the final one, for deep supervision; fewer than the levels less one.
        window: The last input channel is the window of a region (see `data.regions`), which is no input but masks the outputs.
    """

    channels: tuple[int, ...] = (16, 32, 64)
    dropout: float = 0.3
    sides: int = 0
    window: bool = False

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for images (ch, h, w) or volumes (ch, d, h, w).

        Raises:
            UsageError: for other inputs, or sizes that do not go together.
        """
        dims, levels = len(shape) - 1, len(self.channels)
        if dims not in _CONV or min(shape[1:]) < 2 ** (levels - 1) or shape[0] <= self.window:
            raise UsageError(
                "a U-Net reads images or volumes", got=tuple(shape), wanted=f"(channels, [depth,] height, width), {2 ** (levels - 1)} pixels a side"
            )
        if levels < 2 or not 0 <= self.sides < levels - 1:
            raise UsageError("side outputs come from coarser stages of the decoder", got=f"{self.sides} of {levels} levels", wanted="fewer than levels - 1")
        trunk = Trunk(shape[0] - self.window, self.channels, dims, self.dropout, self.sides, self.window)
        network = Network(trunk, nn.Sequential(Logits(self.channels[: self.sides + 1], outputs, dims)), describe)
        initialise(network, generator)
        return network


def describe(maps: Maps) -> Tensor:
    """The item in one vector: the channel-wise mean of the deepest map, as suggestive annotation has it; of a region, over its window."""
    if maps.window is None:
        return maps.deepest.flatten(2).mean(dim=2)
    inside = functional.interpolate((maps.window >= 0).to(maps.deepest.dtype), size=maps.deepest.shape[2:], mode="area").flatten(2)
    return (maps.deepest.flatten(2) * inside).sum(dim=2) / inside.sum(dim=2).clamp(min=1e-6)


def _block(before: int, after: int, dims: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (before, after):
        layers += [_CONV[dims](width, after, 3, padding=1, bias=False), _NORM[dims](after), nn.ReLU()]
    return nn.Sequential(*layers)
