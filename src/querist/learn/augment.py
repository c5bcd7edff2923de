"""Augmentation of whole batches of images (n, ch, h, w), vectorised, with an explicit generator."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Augment:
    """Random flips, shifts and erased squares. The default changes nothing.

    Attributes:
        flip: Mirror left to right with probability ½.
        shift: Translate by up to this many pixels in each direction, zero padded.
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
    """Each image cut from its zero-padded self at an own offset, by gathering rows and columns."""
    n, channels, h, w = x.shape
    padded = functional.pad(x, (reach,) * 4)
    down = torch.randint(0, 2 * reach + 1, (n,), generator=generator)
    right = torch.randint(0, 2 * reach + 1, (n,), generator=generator)
    rows = (torch.arange(h)[None] + down[:, None])[:, None, :, None].expand(n, channels, h, w + 2 * reach)
    columns = (torch.arange(w)[None] + right[:, None])[:, None, None, :].expand(n, channels, h, w)
    return padded.gather(2, rows).gather(3, columns)
