"""Augmentation of whole batches of images (n, ch, h, w), vectorised, with an explicit generator."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


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
