"""A network for items of several modalities: a branch each, silent where the modality is missing.

Reference:
    Ngiam et al. 2011, "Multimodal deep learning" (ICML), for the shared layer over branches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.nets.base import Network, initialise


class Branches(nn.Module):
    """Rows of parts, each a flag and its numbers (n, Σ (1 + size)), → the branches of those that are there, and the flags."""

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self._sizes = [1 + size for size in sizes]
        self.layers = nn.ModuleList(nn.Linear(size, width) for size in sizes)

    def forward(self, x: Tensor) -> Tensor:
        """(n, modalities · (width + 1))."""
        found = []
        for part, layer in zip(torch.split(x.flatten(1), self._sizes, dim=1), self.layers, strict=True):
            there = part[:, :1]
            found += [torch.relu(layer(part[:, 1:])) * there, there]
        return torch.cat(found, dim=1)


@dataclass(frozen=True)
class Fused:
    """A layer for each modality, a shared layer over all, dropout, linear.

    Attributes:
        sizes: Numbers of each modality, its flag apart, in the order of the input; see `learn.multimodal`.
        width: Of each branch.
        hidden: Of the shared layer.
        dropout: Rate before the last linear layer.
    """

    sizes: tuple[int, ...]
    width: int = 64
    hidden: int = 64
    dropout: float = 0.3

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for rows of these parts.

        Raises:
            UsageError: for rows of another length.
        """
        total = sum(1 + size for size in self.sizes)
        if torch.Size(shape).numel() != total or not self.sizes:
            raise UsageError(
                "Fused cannot take this input", got=tuple(shape), wanted=f"{total} numbers: a flag and the numbers of {len(self.sizes)} modalities"
            )
        branches = Branches(self.sizes, self.width)
        shared = nn.Linear(len(self.sizes) * (self.width + 1), self.hidden)
        head = nn.Sequential(nn.Dropout(self.dropout), nn.Linear(self.hidden, outputs))
        network = Network(nn.Sequential(branches, shared, nn.ReLU()), head)
        initialise(network, generator)
        return network
