"""Link prediction in a knowledge graph: a query (head, relation) → a logit for every entity as its tail.

A relation has two numbers, its own and that of its reverse, so that heads are asked for in the same way. The table of entities is the
weight of the last layer, shared with the trunk.

Reference:
    DistMult: Yang et al. 2015, arXiv 1412.6575. ConvE: Dettmers et al. 2018, arXiv 1707.01476, with dropout in front of the last layer
    only, where posterior samples cost one pass of the trunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.nets.base import Network, initialise


class Looked(nn.Module):
    """Queries (n, 2), indices as floats → vectors of heads and of relations, two tensors (n, width)."""

    def __init__(self, entities: nn.Linear, relations: int) -> None:
        super().__init__()
        self.relations = nn.Embedding(relations, entities.in_features)
        self._entities = (entities,)  # in a tuple: its weights belong to the head and must not be stored twice

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The two vectors.

        Raises:
            UsageError: for an index that there is no row for.
        """
        table = self._entities[0].weight
        heads, relations = x.flatten(1).round().long().unbind(1)
        for what, index, rows in (("entity", heads, len(table)), ("relation", relations, self.relations.num_embeddings)):
            if len(index) and not (0 <= int(index.min()) and int(index.max()) < rows):
                raise UsageError(f"a query has an {what} without a place", got=int(index.max()), wanted=f"0 to {rows - 1}")
        return table[heads], self.relations(relations)


class Product(nn.Module):
    """Head times relation, number by number."""

    def __init__(self, looked: Looked) -> None:
        super().__init__()
        self.looked = looked

    def forward(self, x: Tensor) -> Tensor:
        """(n, width)."""
        head, relation = self.looked(x)
        out: Tensor = head * relation
        return out


class Convolved(nn.Module):
    """Head over relation as an image, convolved, back to the width of an entity."""

    def __init__(self, looked: Looked, rows: int, columns: int, channels: int) -> None:
        super().__init__()
        self.looked, self._shape = looked, (rows, columns)
        self.look = nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, channels, 3), nn.BatchNorm2d(channels), nn.ReLU(), nn.Flatten())
        self.back = nn.Sequential(nn.Linear(channels * (2 * rows - 2) * (columns - 2), rows * columns), nn.BatchNorm1d(rows * columns), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """(n, width)."""
        images = torch.cat([vector.unflatten(1, (1, *self._shape)) for vector in self.looked(x)], dim=2)
        out: Tensor = self.back(self.look(images))
        return out


@dataclass(frozen=True)
class DistMult:
    """Sum over the numbers of head, relation and tail multiplied; dropout on head times relation.

    Attributes:
        width: Of a vector.
        relations: Rows of the table of relations, reverses included; rows too many do no harm.
        dropout: Rate before the last layer.
    """

    width: int = 64
    relations: int = 256
    dropout: float = 0.3
    raw: ClassVar[bool] = True

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for queries (head, relation) and so many entities."""
        tails = nn.Linear(self.width, outputs)
        return _drawn(Product(Looked(tails, self.relations)), tails, self.dropout, shape, generator)


@dataclass(frozen=True)
class ConvE:
    """A small ConvE.

    Attributes:
        rows: Of a vector as an image.
        columns: Of it.
        channels: Of the 3 × 3 convolution.
        relations: Rows of the table of relations, reverses included.
        dropout: Rate before the last layer.
    """

    rows: int = 8
    columns: int = 8
    channels: int = 16
    relations: int = 256
    dropout: float = 0.3
    raw: ClassVar[bool] = True

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for queries (head, relation) and so many entities.

        Raises:
            UsageError: for vectors that are too small an image for the convolution.
        """
        if self.rows < 2 or self.columns < 3:
            raise UsageError("a vector is too small an image", got=(self.rows, self.columns), wanted="2 rows and 3 columns at least")
        tails = nn.Linear(self.rows * self.columns, outputs)
        trunk = Convolved(Looked(tails, self.relations), self.rows, self.columns, self.channels)
        return _drawn(trunk, tails, self.dropout, shape, generator)


def _drawn(trunk: Product | Convolved, tails: nn.Linear, dropout: float, shape: Sequence[int], generator: torch.Generator) -> Network:
    if tuple(shape) != (2,):
        raise UsageError("a query is a head and a relation", got=tuple(shape), wanted=(2,))
    network = Network(trunk, nn.Sequential(nn.Dropout(dropout), tails))
    initialise(network, generator)
    with torch.no_grad():
        for table in (tails.weight, trunk.looked.relations.weight):
            table.normal_(std=(2.0 / sum(table.shape)) ** 0.5, generator=generator)
        tails.bias.zero_()
    return network
