"""Weak and strong views of unlabelled inputs: images are moved and cut, vectors get noise, word indices are forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from querist.learn.augment import Augment, RandAugment
from querist.learn.programme import Transform
from querist.learn.statistics.question import entrance
from querist.nets.base import Network
from querist.nets.text_cnn import PADDING, UNKNOWN


@dataclass(frozen=True)
class Weak:
    """What hardly changes an input: images by the augmentation that the recipe trains with, vectors by a little noise.

    Attributes:
        noise: Standard deviation of what is added to the columns of vectors (which are standardised).
        forget: Share of a text's words that become unknown.
    """

    noise: float = 0.05
    forget: float = 0.05

    def around(self, network: Network, augment: Transform) -> Transform:
        """The view of this network's inputs, with the recipe's own augmentation in it."""
        own = forgetting(network)
        if own is not None:
            return own(self.forget)
        if worded(network):
            return Forget(self.forget)
        return Seen(augment, Noise(self.noise))


@dataclass(frozen=True)
class Strong:
    """What changes an input as much as its class can bear: the weak view, then RandAugment and a hole in images, noise and lost columns in vectors.

    Attributes:
        operations: Of RandAugment, per image.
        strength: Of RandAugment.
        hole: Side of the square that is cut out of half of the images, as a share of theirs.
        noise: Standard deviation of what is added to the columns of vectors.
        drop: Share of their columns set to 0, the mean.
        forget: Share of a text's words that become unknown.
    """

    operations: int = 2
    strength: float = 0.5
    hole: float = 0.5
    noise: float = 0.3
    drop: float = 0.2
    forget: float = 0.3

    def around(self, network: Network, augment: Transform) -> Transform:
        """See `Weak.around`."""
        own = forgetting(network)
        if own is not None:
            return own(self.forget)
        if worded(network):
            return Forget(self.forget)
        return Seen(augment, Noise(self.noise, self.drop), RandAugment(self.operations, self.strength), self.hole)


@dataclass(frozen=True)
class Noise:
    """Normal noise and lost columns, of vectors.

    Attributes:
        noise: Standard deviation.
        drop: Share of columns set to 0.
    """

    noise: float = 0.0
    drop: float = 0.0

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """A new batch (n, d)."""
        x = x + self.noise * torch.randn(x.shape, generator=generator)
        return x.masked_fill(torch.rand(x.shape, generator=generator) < self.drop, 0.0) if self.drop else x


@dataclass(frozen=True)
class Forget:
    """Words become unknown; padding stays.

    Attributes:
        share: Of the words.
    """

    share: float

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """A new batch of rows of indices."""
        return x.masked_fill((torch.rand(x.shape, generator=generator) < self.share) & (x != PADDING), float(UNKNOWN))


@dataclass(frozen=True)
class Seen:
    """One view for images, one for everything else.

    Attributes:
        images: The recipe's augmentation.
        vectors: Of inputs that are no images.
        more: Of images, after that.
        hole: See `Strong`.
    """

    images: Transform
    vectors: Transform
    more: Transform = Augment()
    hole: float = 0.0

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """A new batch of the same shape."""
        if x.ndim != 4:
            return self.vectors(x, generator)
        cut = Augment(erase=round(self.hole * min(x.shape[2:])))
        return cut(self.more(self.images(x, generator), generator), generator)


def forgetting(network: Network) -> Callable[[float], Transform] | None:
    """Share → view, for a network that knows itself what may be forgotten of its inputs: its trunk, or the first layer of it, says so."""
    parts: list[Any] = [network.trunk, *list(network.trunk.children())[:1]]
    return next((part.forgetting for part in parts if hasattr(part, "forgetting")), None)


def worded(network: Network) -> bool:
    """Whether the network reads word indices: noise has no meaning for them."""
    return entrance(network)[1] is not network


def alike(view: Transform, x: Tensor, generator: torch.Generator) -> Tensor:
    """Every item changed in the same way, whatever else is in the batch.

    Args:
        view: Draws for every row; for images it treats channels alike.
        x: (n, ch, h, w) or (n, d).
        generator: Of the one draw; a copy of its state serves every vector.
    """
    if x.ndim == 4:
        n, channels, h, w = x.shape
        return view(x.reshape(1, n * channels, h, w), generator).reshape(n, channels, h, w)
    state, rows = generator.get_state(), []
    for row in x:
        generator.set_state(state)
        rows.append(view(row[None], generator))
    return torch.cat(rows)
