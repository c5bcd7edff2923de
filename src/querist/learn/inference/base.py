"""What an inference is: it prepares a sampler once per round, so that every batch sees the same k functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from querist.nets.base import Network


class Sampled(NamedTuple):
    """features (n, d) of the first member without dropout, and logits (n, k, c)."""

    features: Tensor
    logits: Tensor


Sampler = Callable[[Tensor], Sampled]
"""Inputs (n, *shape) → features and logits; row i depends on input i alone."""


class Inference(Protocol):
    """A frozen dataclass. `members` networks are trained; `prepare` fixes the k functions."""

    @property
    def members(self) -> int: ...

    @property
    def samples(self) -> int: ...

    def prepare(self, networks: Sequence[Network], rng: np.random.Generator) -> Sampler: ...


def penultimate(network: Network, x: Tensor) -> Tensor:
    """Input of the last linear layer (n, d), dropout off (the network is in eval mode)."""
    hidden: Tensor = network.trunk(x)
    for layer in list(network.head)[:-1]:
        hidden = layer(hidden)
    return hidden


def stochastic(module: nn.Module) -> bool:
    """Whether a module holds an active dropout layer."""
    return any(isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0 for layer in module.modules())


def mask(rate: float, shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
    """A dropout mask: 0 with probability `rate`, else 1 / (1 - rate)."""
    keep = rng.random(shape) >= rate
    return torch.from_numpy((keep / (1.0 - rate)).astype(np.float32))
