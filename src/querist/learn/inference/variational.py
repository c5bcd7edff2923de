"""Variational inference: Gaussian weights, trained with their divergence from a prior, drawn k times for the whole round.

Reference:
    Blundell et al. 2015, arXiv 1505.05424; Kingma, Salimans & Welling 2015, arXiv 1506.02557.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from querist.core.errors import TrainingError, UsageError
from querist.core.rng import torch_seed
from querist.learn.device import generator
from querist.learn.inference.base import Sampled, Sampler, looked
from querist.learn.schemes.mean_field import MeanField
from querist.nets.base import Network
from querist.nets.variational import gaussians, spread_out

KEPT = 1 << 25
"""Weights (float32) of all draws together that are kept between batches; more are drawn again for every batch, the same each time."""


@dataclass(frozen=True)
class Variational:
    """k functions from one network with Gaussian weights.

    Attributes:
        samples: Draws of the weights k, ≥ 2, unless `weight` is 0.
        members: Always 1.
        weight: Of the divergence in training; 1 is the evidence lower bound; 0 is the plain network, without Gaussian weights.
        prior: σ of a weight's prior times the root of its fan-in.
        start: First σ of a weight, as a share of its prior's.
        head_only: Gaussian weights in the head alone: the trunk runs once for all samples.
    """

    samples: int = 20
    members: int = 1
    weight: float = 0.03
    prior: float = 1.0
    start: float = 0.2
    head_only: bool = False

    def dress(self, network: Network) -> Network:
        """Gaussian weights around the network's own."""
        if self.weight:
            spread_out(network.head if self.head_only else network, self.prior, self.start)
        return network

    def around(self, scheme: Any) -> Any:
        """The scheme with the divergence."""
        return MeanField(scheme, self.weight) if self.weight else scheme

    def prepare(self, networks: Sequence[Network], rng: np.random.Generator) -> Sampler:
        """See `Inference`.

        Raises:
            UsageError: for a number of members other than 1, or fewer than two samples of Gaussian weights.
            TrainingError: if no weight is Gaussian: all samples would be identical.
        """
        network = networks[0]
        if self.members != 1 or self.samples < (2 if self.weight else 1):
            raise UsageError(
                "variational inference draws from one network", got=f"{self.members} members, {self.samples} samples", wanted="members=1, samples ≥ 2"
            )
        layers = gaussians(network)
        if self.samples > 1 and not layers:
            raise TrainingError(
                "no weight of this network is Gaussian: all posterior samples would be identical", got="a plain network",
                wanted="one that was dressed by this inference", hint="weight=0 is the plain network, with samples=1.",
            )  # fmt: skip
        seeds = [torch_seed(rng) for _ in range(self.samples)]
        kept: dict[int, dict[str, Tensor]] = {}
        keeps = self.samples * sum(layer.weight.numel() for layer in layers.values()) <= KEPT

        def weights(index: int) -> dict[str, Tensor]:
            if index in kept:
                return kept[index]
            own = generator(seeds[index])
            found = {f"{name}.weight": layer.weight + layer.std * torch.randn(layer.weight.shape, generator=own) for name, layer in layers.items()}
            if keeps:
                kept[index] = found
            return found

        shared = not gaussians(network.trunk)

        def sample(x: Tensor) -> Sampled:
            first = looked(network, x)
            if not layers:
                return first.sampled()
            hidden = network.trunk(x) if shared else x
            logits = []
            for index in range(self.samples):
                found = weights(index)
                own = {name.removeprefix("head."): tensor for name, tensor in found.items()} if shared else found
                logits.append(functional_call(network.head if shared else network, own, (hidden,)))
            return first.sampled(torch.stack(logits, dim=1))

        return sample
