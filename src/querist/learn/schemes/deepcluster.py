"""DeepCluster: clusters of the features are classes to learn, and are made anew from what was learnt.

Reference:
    Caron, Bojanowski, Joulin & Douze 2018, "Deep clustering for unsupervised learning of visual features", arXiv 1807.05520.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from querist.core.rng import torch_seed
from querist.kernels.neighbours import spread
from querist.kernels.weighted_kmeans import weighted_kmeans
from querist.learn.device import evaluating, generator
from querist.learn.layout import layout
from querist.learn.programme import PART as MEMBERS
from querist.learn.programme import Hook, Optimiser, Phase, Setting, Stage, Term
from querist.learn.schemes.distorted import Distorted
from querist.learn.step import Step
from querist.learn.training import Training
from querist.learn.unlabelled import Unlabelled
from querist.nets.base import Network, initialise

PART = 12
"""Of the streams; see `Stage.part`."""

ROWS = 256


class Clusters(nn.Module):
    """Centres (k, d) of unit features, what a member of each counts, and a layer that tells them apart; `made` counts how often.

    Args:
        k: Clusters.
        width: Of the features.
    """

    centres: Tensor
    counts: Tensor
    made: Tensor

    def __init__(self, k: int, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, k)
        self.register_buffer("centres", torch.zeros(k, width))
        self.register_buffer("counts", torch.ones(k))
        self.register_buffer("made", torch.tensor(0))

    def of(self, features: Tensor) -> Tensor:
        """The nearest centre (n,) of each row."""
        return torch.cdist(functional.normalize(features, dim=1), self.centres).argmin(dim=1)


@dataclass(frozen=True)
class DeepCluster:
    """What is learnt: to which cluster an item belongs, seen distorted. Small clusters count as much as large ones.

    Attributes:
        steps: Optimiser steps.
        batch: Items of a step.
        times: How often clusters are made.
        per_class: Clusters for each class of the task.
        sample: Items that are clustered; all others go to the nearest centre.
        rate: Peak learning rate.
        weight_decay: Decoupled weight decay.
        look: What distorts.
    """

    steps: int = 1500
    batch: int = 128
    times: int = 10
    per_class: int = 10
    sample: int = 4000
    rate: float = 2e-3
    weight_decay: float = 1e-4
    look: Distorted = Distorted()

    def stage(self, setting: Setting, width: int) -> tuple[Stage, Mapping[str, nn.Module]]:
        """See `Pretext`."""
        assert setting.data.pool is not None
        pool = setting.data.pool.after(setting.data.x)
        clusters = Clusters(max(min(self.per_class * setting.task.outputs, min(len(pool), self.sample) // 4), 1), width)
        then = copy.deepcopy(setting.network).requires_grad_(False)  # the network that the clusters were made with

        def belongs(step: Step) -> Tensor:
            target = clusters.of(step.asked(step.unlabelled, "then").features)
            seen = clusters.layer(step.outputs(step.view("look")).features)
            return functional.cross_entropy(seen, target, reduction="none") * clusters.counts[target]

        def make(training: Training) -> None:
            then.load_state_dict(setting.network.state_dict())
            training.read += self._make(setting, pool, clusters)

        phase = Phase("cluster", (Term("belongs", belongs, unlabelled=True),), Optimiser(self.rate, self.weight_decay, 0.1), ("network", "clusters"))
        hook = Hook(make, self.times)
        stage = Stage("pretrain", self.steps, (phase,), unlabelled=self.batch, views={"look": self.look}, hooks=(hook,), part=PART)
        return stage, {"clusters": clusters, "then": then}

    def _make(self, setting: Setting, pool: Unlabelled, clusters: Clusters) -> int:
        """Clusters of the present features, and a new layer: which cluster is which means nothing from one time to the next. How many items were read."""
        own = setting.streams.of(setting.streams.member + MEMBERS * (PART * 1000 + int(clusters.made)))
        features = featured(setting.network, pool, spread(len(pool), self.sample))
        k = len(clusters.centres)
        found = weighted_kmeans(features, np.ones(len(features)), k, own("auxiliary"), 20)
        sizes = np.bincount(found.labels, minlength=k)
        with torch.no_grad():
            clusters.centres.copy_(torch.from_numpy(np.resize(found.centres, clusters.centres.shape)))
            clusters.counts.copy_(torch.from_numpy(len(features) / (max((sizes > 0).sum(), 1) * np.maximum(sizes, 1))))
            clusters.made.add_(1)
        initialise(clusters.layer, generator(torch_seed(own("model_init"))))
        return len(features)


def featured(network: Network, pool: Unlabelled, places: np.ndarray) -> np.ndarray:
    """Unit features (m, d) of the items at these places, read a batch at a time; what cannot be read is left out."""
    found = []
    with evaluating(network), torch.no_grad():
        for first in range(0, len(places), ROWS):
            x = pool.batch(places[first : first + ROWS])
            if len(x):
                found.append(functional.normalize(network.trunk(layout(x)), dim=1))
    return torch.cat(found).numpy()
