"""Two records, one encoder: how far apart their attributes are, for pairs that may be the same thing.

Reference:
    Kasai, Qian, Gurajada, Li & Popa 2019, arXiv 1906.08042 (shared attribute encoder, |a - b| summed over attributes, two highway
    layers); the encoder here is one layer over hashed character n-grams instead of a GRU over word vectors, and attributes are
    weighed before they are summed. Highway: Srivastava et al. 2015, arXiv 1505.00387.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.nets.base import Network, initialise


class Apart(nn.Module):
    """Pairs (n, …, 2, attributes · grams) → how far apart they are (n, width)."""

    def __init__(self, attributes: int, grams: int, width: int) -> None:
        super().__init__()
        self.attributes = attributes
        self.encode = nn.Linear(grams, width)
        self.weigh = nn.Parameter(torch.ones(attributes, width))

    def forward(self, x: Tensor) -> Tensor:
        """Attributes are encoded alike, subtracted, weighed and summed; the order of the two records does not matter."""
        left, right = x.reshape(len(x), 2, self.attributes, -1).log1p().unbind(1)  # the tenth of equal n-grams says little more than the ninth
        apart = (torch.relu(self.encode(left)) - torch.relu(self.encode(right))).abs()
        return (apart * self.weigh).sum(dim=1)


class Highway(nn.Module):
    """A layer that lets its input through where its gate is shut: (n, width) → (n, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.change = nn.Linear(width, width)
        self.gate = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width)."""
        gate = torch.sigmoid(self.gate(x))
        return gate * torch.relu(self.change(x)) + (1.0 - gate) * x


@dataclass(frozen=True)
class Siamese:
    """Shared attribute encoder, distance, highway layers, dropout, linear.

    Attributes:
        attributes: Of a record; a row holds as many counts for each.
        width: Of the encoding.
        layers: Highway layers.
        dropout: Rate before the last linear layer.
    """

    attributes: int = 8
    width: int = 64
    layers: int = 2
    dropout: float = 0.2
    raw: ClassVar[bool] = True

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for pairs of rows of counts ≥ 0.

        Raises:
            UsageError: for inputs that are no pairs, or whose rows do not divide into the attributes.
        """
        if len(shape) < 2 or shape[-2] != 2 or shape[-1] % self.attributes or any(size != 1 for size in shape[:-2]):
            raise UsageError("Siamese cannot take this input", got=tuple(shape), wanted=f"(2, {self.attributes} · n-grams)")
        apart = Apart(self.attributes, shape[-1] // self.attributes, self.width)
        layers = [Highway(self.width) for _ in range(self.layers)]
        head = nn.Sequential(nn.Dropout(self.dropout), nn.Linear(self.width, outputs))
        network = Network(nn.Sequential(apart, nn.BatchNorm1d(self.width), *layers), head)
        initialise(network, generator)
        with torch.no_grad():
            for layer in layers:
                layer.gate.bias.fill_(-1.0)  # shut at first, as the highway paper has it
        return network
