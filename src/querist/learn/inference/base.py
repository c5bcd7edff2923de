"""What an inference is: it prepares a sampler once per round, so that every batch sees the same k functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.nets.base import Network

if TYPE_CHECKING:
    from querist.learn.schemes.base import TrainingSet
    from querist.learn.task import TaskHead


class Sampled(NamedTuple):
    """What k functions say of some inputs.

    features (n, d) of the first member without dropout, and outputs (n, k, c), or (n, k, …) where an item has many sites; then `hidden` is
    the input of that member's last layer.
    """

    features: Tensor
    logits: Tensor
    hidden: Tensor | None = None


Sampler = Callable[[Tensor], Sampled]
"""Inputs (n, *shape) → features and logits; row i depends on input i alone."""


class Inference(Protocol):
    """A frozen dataclass. `members` networks are trained; `prepare` fixes the k functions.

    What it samples from may have to be there before, in or after the training. Then it also has some of:

    - `dress(network) → Network`: the fresh network with layers that hold a distribution; its state dict is what is kept.
    - `around(scheme) → Scheme`: the scheme that trains with what the distribution needs.
    - `together = True`: the members are trained in one fit, which finds the others in its `TrainingSet`.
    - `settle(network, task, data) → None`: what is computed once the network is trained, into the network's buffers.
    """

    @property
    def members(self) -> int: ...

    @property
    def samples(self) -> int: ...

    def prepare(self, networks: Sequence[Network], rng: np.random.Generator) -> Sampler: ...


def dressed(inference: Any, network: Network) -> Network:
    """The network with the layers that the inference needs, if it needs any."""
    dress = getattr(inference, "dress", None)
    return network if dress is None else dress(network)


def brought(inference: Any, scheme: Any) -> Any:
    """The scheme as this inference trains.

    Raises:
        UsageError: if it would wrap a scheme that writes no programme.
    """
    around = getattr(inference, "around", None)
    if around is None:
        return scheme
    if not hasattr(scheme, "programme"):
        raise UsageError(
            f"{type(inference).__name__} trains with a scheme that writes a programme", got=type(scheme).__name__, wanted="a scheme with `programme`"
        )
    return around(scheme)


def settled(inference: Any, network: Network, task: TaskHead, data: TrainingSet) -> None:
    """Compute what the inference needs of a trained network, if anything."""
    settle = getattr(inference, "settle", None)
    if settle is not None:
        settle(network, task, data)


def penultimate(network: Network, x: Tensor) -> Tensor:
    """Input of the last layer (n, d), or (n, …) with many sites; dropout off (the network is in eval mode)."""
    return _before_last(network, network.trunk(x))


class Looked(NamedTuple):
    """features (n, d) of the items, outputs, and the input of the last layer where that is not the features."""

    features: Tensor
    output: Tensor
    hidden: Tensor | None

    def sampled(self, logits: Tensor | None = None) -> Sampled:
        """With these outputs of k functions; with its own as those of one."""
        return Sampled(self.features, self.output[:, None] if logits is None else logits, self.hidden)


def looked(network: Network, x: Tensor) -> Looked:
    """One pass of a network in eval mode."""
    seen = network.trunk(x)
    hidden = _before_last(network, seen)
    output = network.head[-1](hidden)
    return Looked(hidden, output, None) if network.describe is None else Looked(network.describe(seen), output, hidden)


def _before_last(network: Network, seen: Any) -> Tensor:
    hidden: Tensor = seen
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
