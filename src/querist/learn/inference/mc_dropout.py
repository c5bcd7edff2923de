"""MC dropout with consistent masks: mask k is the same for every input, so sample k is one function.

When every stochastic layer lies in the head, the trunk runs once and only the head is sampled; a head that ends in
dropout and a linear layer folds its masks into k weight matrices, one matrix product for all samples. Modes and
BatchNorm buffers are never touched: masks act through forward hooks on layers that stay in eval mode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from querist.core.errors import TrainingError, UsageError
from querist.learn.inference.base import Sampled, Sampler, looked, mask, penultimate, stochastic
from querist.nets.base import Halved, Network


@dataclass(frozen=True)
class MCDropout:
    """k stochastic functions from one trained network.

    Attributes:
        samples: Number of masks k, ≥ 2.
        members: Always 1 (wrap in an ensemble for DEBAL).

    Reference:
        Gal & Ghahramani 2016, arXiv 1506.02142; consistent masks as in Kirsch et al. 2019, arXiv 1906.08158.
    """

    samples: int = 20
    members: int = 1

    def prepare(self, networks: Sequence[Network], rng: np.random.Generator) -> Sampler:
        """See `Inference`.

        Raises:
            UsageError: for fewer than two samples.
            TrainingError: if the network has no dropout: all samples would be identical.
        """
        if self.samples < 2:
            raise UsageError("MC dropout needs samples to differ", got=f"samples={self.samples}", wanted="at least 2", hint="For one pass: deterministic.")
        network = networks[0]
        if not stochastic(network):
            raise TrainingError(
                "MC dropout on a network without dropout: all posterior samples would be identical", got="no active dropout layer",
                wanted="dropout that was trained with", hint="Give the network `dropout=0.3`, or use an ensemble.",
            )  # fmt: skip
        before_last = list(network.head)[:-1]
        folds = network.describe is None and not stochastic(network.trunk) and not any(stochastic(layer) for layer in before_last[:-1])
        if folds and isinstance(before_last[-1], nn.Dropout):
            return _folded(network, before_last[-1].p, self.samples, rng)
        return _hooked(network, self.samples, rng)


def _folded(network: Network, rate: float, k: int, rng: np.random.Generator) -> Sampler:
    last = network.last
    masks = mask(rate, (k, 1, last.in_features), rng)
    weights = (masks * last.weight.detach()).reshape(k * last.out_features, last.in_features)
    bias = None if last.bias is None else last.bias.detach()

    def sample(x: Tensor) -> Sampled:
        features = penultimate(network, x)
        logits = (features @ weights.T).view(len(x), k, last.out_features)
        return Sampled(features, logits if bias is None else logits + bias)

    return sample


def _hooked(network: Network, k: int, rng: np.random.Generator) -> Sampler:
    """The honest slow path: k passes, each dropout layer multiplied by its own fixed mask of that pass; what comes before the first is passed once."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0]
    masks: dict[tuple[int, int], Tensor] = {}
    seeds = rng.integers(0, 2**63 - 1, size=(k, len(layers)))
    before, after = _halves(network)

    def masked(which: int, sample_index: int, out: Tensor) -> Tensor:
        if (sample_index, which) not in masks:
            layer = layers[which]
            # Channel dropout drops whole planes; plain dropout drops single units.
            shape = tuple(out.shape[1:]) if isinstance(layer, nn.Dropout) else (out.shape[1],) + (1,) * (out.ndim - 2)
            masks[sample_index, which] = mask(layer.p, (1, *shape), np.random.default_rng(seeds[sample_index, which]))
        return out * masks[sample_index, which]

    def sample(x: Tensor) -> Sampled:
        first = looked(network, x)
        seen = before(x)
        logits = []
        for index in range(k):
            handles = [
                layer.register_forward_hook(lambda _m, _i, out, which=which, index=index: masked(which, index, out)) for which, layer in enumerate(layers)
            ]
            try:
                logits.append(after(seen))
            finally:
                for handle in handles:
                    handle.remove()
        return first.sampled(torch.stack(logits, dim=1))

    return sample


def _halves(network: Network) -> tuple[Callable[[Tensor], Any], Callable[[Any], Tensor]]:
    """What is the same in all samples, and the rest."""
    trunk = network.trunk
    if not stochastic(trunk):
        return trunk, network.head
    if isinstance(trunk, Halved):
        return trunk.before, lambda state: network.head(trunk.after(state))
    return lambda x: x, network
