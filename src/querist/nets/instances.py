"""A small detector whose places also say a mask in the frame of their box, and how good box and mask are.

Reference:
    Huang et al. 2019 (Mask Scoring R-CNN), arXiv 1903.00241, for networks that judge their own masks; He et al. 2017 (Mask R-CNN), arXiv 1703.06870.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from querist.nets.base import Network, initialise
from querist.nets.detector import SmallDetector


@dataclass(frozen=True)
class SmallInstances:
    """A detector with one linear layer more at every place, behind whose numbers it puts cells² logits of a mask and two of how good box and mask are.

    Attributes:
        detector: Finds the boxes.
        cells: Side of the mask's grid; `tasks.instance` reads 14.
    """

    detector: SmallDetector = SmallDetector()
    cells: int = 14

    finds_boxes: ClassVar[bool] = True

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for images (ch, h, w) and `outputs` classes.

        Raises:
            UsageError: see `SmallDetector.make`.
        """
        network = self.detector.make(shape, outputs, generator)
        further = nn.Linear(self.detector.width, self.cells**2 + 2)
        initialise(further, generator)
        return Network(network.trunk, nn.Sequential(*list(network.head)[:-1], Beside(network.head[-1], further)), network.describe)


class Beside(nn.Module):
    """Features → what two layers make of them, side by side.

    Args:
        first: The one.
        second: The other.
    """

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, hidden: Tensor) -> Tensor:
        """See the class."""
        return torch.cat([self.first(hidden), self.second(hidden)], dim=-1)
