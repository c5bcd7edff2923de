"""A small convolutional network for short texts, trained from scratch.

Reference:
    Kim 2014, arXiv 1408.5882 (one channel of embeddings, learnt; widths 3, 4, 5; max over time; dropout).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.nets.base import Network, initialise

PADDING, UNKNOWN = 0, 1
"""Indices without a word: behind the end of a text, and for whatever is no index of the table."""


class Words(nn.Module):
    """Rows of word indices (n, length), as floats, → embedded words (n, length, width). Padding is embedded as 0."""

    def __init__(self, words: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(words, width, padding_idx=PADDING)

    def ids(self, x: Tensor) -> Tensor:
        """The word indices (n, length)."""
        whole = x.flatten(1).round().long()
        return torch.where((whole >= 0) & (whole < self.table.num_embeddings), whole, UNKNOWN)

    def forward(self, x: Tensor) -> Tensor:
        """(n, length, width)."""
        out: Tensor = self.table(self.ids(x))
        return out


class _MaxOverTime(nn.Module):
    """Convolutions of several widths over the words, each channel's largest response: (n, length, width) → (n, widths · channels)."""

    def __init__(self, width: int, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(size * width, channels) for size in widths)
        self._sizes = tuple(widths)

    def forward(self, x: Tensor) -> Tensor:
        found = []
        for size, layer in zip(self._sizes, self.layers, strict=True):
            windows = x.unfold(1, size, 1).transpose(2, 3).flatten(2)  # (n, places, size · width)
            found.append(torch.relu(layer(windows)).amax(dim=1))
        return torch.cat(found, dim=1)


@dataclass(frozen=True)
class TextCNN:
    """Table of words, convolutions, maximum over time, dropout, linear. Takes the rows of the encoder `tokens`.

    Attributes:
        words: Size of the table; at least the encoder's.
        width: Size of a word's embedding.
        channels: Features of each convolution.
        widths: Words that a convolution sees; (1,) makes a bag of words.
        dropout: Rate before the last linear layer.
    """

    words: int = 10_000
    width: int = 50
    channels: int = 50
    widths: tuple[int, ...] = (3, 4, 5)
    dropout: float = 0.5
    embeds: ClassVar[bool] = True

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for rows of word indices.

        Raises:
            UsageError: for rows shorter than the widest convolution.
        """
        length = 1
        for size in shape:
            length *= size
        if length < max(self.widths):
            raise UsageError("TextCNN cannot take this input", got=tuple(shape), wanted=f"rows of at least {max(self.widths)} word indices")
        words = Words(self.words, self.width)
        trunk = nn.Sequential(words, _MaxOverTime(self.width, self.channels, self.widths))
        network = Network(trunk, nn.Sequential(nn.Dropout(self.dropout), nn.Linear(self.channels * len(self.widths), outputs)))
        initialise(network, generator)
        with torch.no_grad():
            words.table.weight.normal_(std=0.5, generator=generator)
            words.table.weight[PADDING] = 0.0
        return network
