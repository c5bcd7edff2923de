"""A module of your own under any strategy: a class is all there is to write.

The learner option that takes it: `{"recipe": "digits-cnn", "network": {"use": "querist.nets.plain:Plain", "make_with": "your_module:Mine"}}`.
"""

from __future__ import annotations

from torch import Tensor, nn


class Mine(nn.Module):
    """Whatever you have; its forward ends in a linear layer with one output for each class."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2), nn.ReLU(), nn.Flatten())
        self.last = nn.Linear(32 * 2 * 2, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images (n, 1, 8, 8) → logits (n, classes)."""
        logits: Tensor = self.last(self.look(x))
        return logits
