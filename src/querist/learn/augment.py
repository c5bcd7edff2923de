"""Augmentation of whole batches of images (n, ch, h, w), vectorised, with an explicit generator."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


@dataclass(frozen=True)
class Augment:
    """Random flips, shifts and erased squares. The default changes nothing.

    Attributes:
        flip: Mirror left to right with probability ½.
        shift: Translate by up to this many pixels in each direction, repeating the border.
        erase: Side of a square set to 0 at a random place, 0 for none; half of the images get it.
    """

    flip: bool = False
    shift: int = 0
    erase: int = 0

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """A new batch; vectors (n, d) pass through unchanged."""
        if x.ndim != 4:
            return x
        n, _, h, w = x.shape
        if self.flip:
            mirrored = torch.rand(n, generator=generator) < 0.5
            x = torch.where(mirrored[:, None, None, None], x.flip(3), x)
        if self.shift:
            x = _shifted(x, self.shift, generator)
        if self.erase:
            top = torch.randint(0, h, (n, 1), generator=generator) - self.erase // 2
            left = torch.randint(0, w, (n, 1), generator=generator) - self.erase // 2
            on = torch.rand(n, 1, generator=generator) < 0.5
            rows, columns = torch.arange(h)[None], torch.arange(w)[None]
            inside_rows = on & (rows >= top) & (rows < top + self.erase)
            inside = inside_rows[:, :, None] & ((columns >= left) & (columns < left + self.erase))[:, None, :]
            x = x.masked_fill(inside[:, None], 0.0)
        return x


def _shifted(x: Tensor, reach: int, generator: torch.Generator) -> Tensor:
    """Each image moved by an own offset; its border is repeated, so that a dark background stays dark."""
    n, channels, h, w = x.shape
    down = torch.randint(-reach, reach + 1, (n, 1), generator=generator)
    right = torch.randint(-reach, reach + 1, (n, 1), generator=generator)
    rows = (torch.arange(h) + down).clamp(0, h - 1)[:, None, :, None].expand(n, channels, h, w)
    columns = (torch.arange(w) + right).clamp(0, w - 1)[:, None, None, :].expand(n, channels, h, w)
    return x.gather(2, rows).gather(3, columns)


OPERATIONS: Final = ("identity", "rotate", "shear x", "shear y", "shift x", "shift y", "contrast", "brightness", "cutout")
"""What `RandAugment` draws from; each with equal probability."""
_ROTATE, _SHEAR_X, _SHEAR_Y, _SHIFT_X, _SHIFT_Y, _CONTRAST, _BRIGHTNESS, _CUTOUT = range(1, len(OPERATIONS))
_DEGREES, _SLANT, _WAY, _STRETCH, _LIGHT, _HOLE = 30.0, 0.3, 0.3, 1.0, 1.0, 0.5
"""At full strength: degrees, slant, share of the side, log2 of the factor about the image's mean, standard deviations of the pool, share of the side."""


@dataclass(frozen=True)
class RandAugment:
    """Some operations per image, drawn anew with every batch; the strong augmentation of small grey or colour images.

    Where an image draws one kind twice, its amounts add up. Movements are applied together, as one map with bilinear interpolation that
    repeats the border; then contrast, brightness and cutout. Inputs are standardised, so 0 is the pool's mean.

    Attributes:
        operations: Operations drawn per image, with repetition, from `OPERATIONS`.
        strength: Largest amount of each as a share of its full strength; the amount is drawn uniformly up to it, with either sign.
        flip: Mirror left to right with probability ½ first.

    Reference:
        Cubuk et al. 2020, arXiv 1909.13719 (one number and one strength for all; amounts are drawn here, fixed there); DeVries & Taylor 2017,
        arXiv 1708.04552 (cutout).
    """

    operations: int = 2
    strength: float = 0.5
    flip: bool = False

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """A new batch; vectors (n, d) pass through unchanged."""
        if x.ndim != 4:
            return x
        x = Augment(flip=self.flip)(x, generator)
        amounts = self._amounts(len(x), generator).to(x.dtype)
        x = _moved(x, amounts)
        mean = x.mean(dim=(1, 2, 3), keepdim=True)
        x = mean + (x - mean) * torch.exp2(_STRETCH * amounts[:, _CONTRAST, None, None, None])
        x = x + _LIGHT * amounts[:, _BRIGHTNESS, None, None, None]
        return _cut(x, _HOLE * amounts[:, _CUTOUT].abs(), generator)

    def _amounts(self, n: int, generator: torch.Generator) -> Tensor:
        """(n, operations known) amounts, the sum over the draws of each; most are 0."""
        drawn = torch.randint(len(OPERATIONS), (n, self.operations), generator=generator)
        amount = (2 * torch.rand(n, self.operations, generator=generator) - 1) * self.strength
        return torch.zeros(n, len(OPERATIONS)).scatter_add_(1, drawn, amount)


def _moved(x: Tensor, amounts: Tensor) -> Tensor:
    """Each image turned about its centre, slanted and moved by amounts of its own."""
    angle = math.radians(_DEGREES) * amounts[:, _ROTATE]
    slant_x, slant_y = _SLANT * amounts[:, _SHEAR_X], _SLANT * amounts[:, _SHEAR_Y]
    sine, cosine = angle.sin(), angle.cos()
    # In the coordinates of affine_grid a side is 2 long; rotation times slant, then the way.
    first = torch.stack([cosine - sine * slant_y, cosine * slant_x - sine, 2 * _WAY * amounts[:, _SHIFT_X]], dim=1)
    second = torch.stack([sine + cosine * slant_y, sine * slant_x + cosine, 2 * _WAY * amounts[:, _SHIFT_Y]], dim=1)
    grid = affine_grid(torch.stack([first, second], dim=1), list(x.shape), align_corners=False)
    return grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _cut(x: Tensor, share: Tensor, generator: torch.Generator) -> Tensor:
    """A square of this share of the side set to 0 about a random place of each image; what lies outside is lost."""
    n, _, h, w = x.shape
    places = torch.rand(n, 2, generator=generator)
    half = share[:, None] / 2
    rows = ((torch.arange(h) + 0.5) / h - places[:, :1]).abs() < half
    columns = ((torch.arange(w) + 0.5) / w - places[:, 1:]).abs() < half
    return x.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)
