"""timm networks to fine-tune: the backbone is the trunk, the head is ours, so every statistic works as on our own networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from querist.core.errors import UsageError
from querist.core.optional import require
from querist.nets.base import Network, drawn_from, initialise
from querist.nets.encoders import load_weights


@dataclass(frozen=True)
class TimmNetwork:
    """A timm backbone with dropout and a linear layer.

    Attributes:
        name: Name in timm.
        weights: Local state dict; `download` fetches timm's own; None starts from random weights.
        dropout: Rate before the last layer.
    """

    name: str
    weights: str | None = None
    dropout: float = 0.3

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for images (ch, h, w).

        Raises:
            UsageError: for inputs that are no images, or weights that do not fit.
        """
        if len(shape) != 3:
            raise UsageError("a timm network takes images", got=tuple(shape), wanted="(channels, height, width)", hint="Give the learner `side=64`.")
        timm = require("timm", by=f"the network timm:{self.name}")
        with drawn_from(generator):
            trunk = timm.create_model(self.name, pretrained=self.weights == "download", num_classes=0, in_chans=shape[0])
        if self.weights not in (None, "download"):
            load_weights(trunk, str(self.weights))
        head = nn.Sequential(nn.Dropout(self.dropout), nn.Linear(int(trunk.num_features), outputs))
        initialise(head, generator)
        return Network(trunk, head)
