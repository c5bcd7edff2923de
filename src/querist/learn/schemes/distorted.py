"""Two looks at the same input, for training without labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Distorted:
    """Images: a random crop brought back to size, turned a little, with another contrast and brightness, noise, perhaps mirrored.
    Vectors: random columns take the values that another item of the batch has there, so the scale of a column does not matter.

    Attributes:
        crop: A crop's side is at least 1 - crop of the image's.
        turn: Largest angle, in degrees.
        flip: Mirror half of the images left to right.
        tone: Contrast is in [1 - tone, 1 + tone]; brightness moves by up to tone / 2 standard deviations of the batch.
        noise: Standard deviation of Gaussian noise, in those of the batch.
        swap: Share of the columns of vectors.

    Reference:
        Chen et al. 2020, arXiv 2002.05709 (crops and tones); Bahri et al. 2022, arXiv 2106.15147 (columns).
    """

    crop: float = 0.4
    turn: float = 15.0
    flip: bool = False
    tone: float = 0.4
    noise: float = 0.1
    swap: float = 0.4

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """A new batch of the same shape."""
        return self._image(x, generator) if x.ndim == 4 else self._vector(x, generator)

    def _vector(self, x: Tensor, generator: torch.Generator) -> Tensor:
        other = x[torch.randperm(len(x), generator=generator)]
        return torch.where(torch.rand(x.shape, generator=generator) < self.swap, other, x)

    def _image(self, x: Tensor, generator: torch.Generator) -> Tensor:
        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(len(x), generator=generator)

        size, angle = uniform(1.0 - self.crop, 1.0), uniform(-self.turn, self.turn) * math.pi / 180.0
        across = torch.where(uniform(0.0, 1.0) < 0.5, -1.0, 1.0) if self.flip else torch.ones(len(x))
        right, down = uniform(-1.0, 1.0) * (1.0 - size), uniform(-1.0, 1.0) * (1.0 - size)
        sine, cosine = size * torch.sin(angle), size * torch.cos(angle)
        moves = torch.stack([cosine * across, -sine, right, sine * across, cosine, down], dim=1).reshape(-1, 2, 3)
        moved = functional.grid_sample(x, functional.affine_grid(moves, list(x.shape), align_corners=False), padding_mode="border", align_corners=False)
        spread, mean = x.std(), moved.mean(dim=(1, 2, 3), keepdim=True)
        contrast, bright = uniform(1.0 - self.tone, 1.0 + self.tone), uniform(-self.tone / 2, self.tone / 2) * spread
        toned = mean + contrast[:, None, None, None] * (moved - mean) + bright[:, None, None, None]
        return toned + self.noise * spread * torch.randn(x.shape, generator=generator)
