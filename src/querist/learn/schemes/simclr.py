"""SimCLR: two distorted looks at an item find each other among those of all other items of the batch.

Reference:
    Chen, Kornblith, Norouzi & Hinton 2020, "A simple framework for contrastive learning of visual representations", arXiv 2002.05709.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from querist.learn.programme import Optimiser, Phase, Setting, Stage, Term
from querist.learn.schemes.distorted import Distorted
from querist.learn.step import Step
from querist.nets.base import initialise

PART = 11
"""Of the streams; see `Stage.part`."""


@dataclass(frozen=True)
class SimCLR:
    """What is learnt: the features of two looks at the same item, projected, are more alike than those of different items.

    Attributes:
        steps: Optimiser steps.
        batch: Items of a step; each is looked at twice.
        temperature: Of the similarities.
        rate: Peak learning rate.
        weight_decay: Decoupled weight decay.
        projection: Width of the space in which looks are compared; the projection is thrown away.
        look: What distorts.
    """

    steps: int = 1500
    batch: int = 128
    temperature: float = 0.5
    rate: float = 2e-3
    weight_decay: float = 1e-4
    projection: int = 64
    look: Distorted = Distorted()

    def stage(self, setting: Setting, width: int) -> tuple[Stage, Mapping[str, nn.Module]]:
        """See `Pretext`."""
        projection = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, self.projection))
        initialise(projection, setting.generator(PART))

        def alike(step: Step) -> Tensor:
            both = torch.cat([step.view("one"), step.view("other")])
            return contrasted(projection(step.outputs(both).features), self.temperature)

        phase = Phase("contrast", (Term("alike", alike, unlabelled=True),), Optimiser(self.rate, self.weight_decay, 0.1), ("network", "projection"))
        stage = Stage("pretrain", self.steps, (phase,), unlabelled=self.batch, views={"one": self.look, "other": self.look}, part=PART)
        return stage, {"projection": projection}


def contrasted(z: Tensor, temperature: float) -> Tensor:
    """Losses (2m,) of rows (2m, d), of which row i and row m + i are two looks at one item: cross-entropy, over all other rows, of finding it (NT-Xent).

    Args:
        z: Rows, compared by cosine.
        temperature: Of the similarities.
    """
    rows, m = functional.normalize(z, dim=1), len(z) // 2
    logits = (rows @ rows.T / temperature).masked_fill(torch.eye(2 * m, dtype=torch.bool), -torch.inf)
    return functional.cross_entropy(logits, torch.arange(2 * m).roll(m), reduction="none")
