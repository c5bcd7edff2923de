"""The one shape all networks share: trunk, then head; and a way to say in one vector what the item is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """trunk: input → hidden; head, a Sequential: hidden → outputs.

    Most networks say one thing of an item: hidden is then (n, d), its features, and outputs are (n, c). A network that says something of
    every site (pixel, token, box) may have any hidden and outputs (n, …) of one shape; it has to `describe` the item.

    Args:
        trunk: The larger part.
        head: Ends in the last layer.
        describe: Hidden, as the trunk gives it → features (n, d) of the item, without weights of its own; None where hidden is that.
    """

    def __init__(self, trunk: nn.Module, head: nn.Sequential, describe: Callable[[Any], Tensor] | None = None) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head
        self.describe = describe

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (n, c), or (n, …)."""
        out: Tensor = self.head(self.trunk(x))
        return out

    @property
    def last(self) -> nn.Linear:
        """The last linear layer, whose input is the `features` statistic."""
        layer = self.head[-1]
        if not isinstance(layer, nn.Linear):
            raise TypeError(f"the head of a Network ends in a Linear, not in {type(layer).__name__}")
        return layer


@runtime_checkable
class Halved(Protocol):
    """A trunk that is `after(before(x))`, with nothing stochastic in `before`: samples of MC dropout then share that half."""

    def before(self, x: Tensor) -> Any: ...

    def after(self, state: Any) -> Any: ...


class NetworkFactory(Protocol):
    """A frozen dataclass that makes a fresh network with weights drawn from `generator`."""

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network: ...


@dataclass(frozen=True)
class MLP:
    """Fully connected network on flattened inputs.

    Attributes:
        hidden: Widths of the hidden layers; empty is a linear model.
        dropout: Rate before the last linear layer.
    """

    hidden: tuple[int, ...] = (128,)
    dropout: float = 0.3

    @property
    def linear(self) -> bool:
        """Whether there is nothing between the inputs and the last layer."""
        return not self.hidden

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for inputs of `shape` (without the batch axis)."""
        width = 1
        for size in shape:
            width *= size
        layers: list[nn.Module] = [nn.Flatten()]
        for size in self.hidden:
            layers += [nn.Linear(width, size), nn.ReLU()]
            width = size
        network = Network(nn.Sequential(*layers), nn.Sequential(nn.Dropout(self.dropout), nn.Linear(width, outputs)))
        initialise(network, generator)
        return network


@contextmanager
def drawn_from(generator: torch.Generator) -> Iterator[None]:
    """What draws from torch's global generator inside, as layers of others do, draws from this one; the global one is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(0, 2**62, (1,), generator=generator)))
        yield


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in eval mode; every module's training flag is restored afterwards."""
    flags = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, flag in flags.items():
            module.training = flag


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Kaiming-uniform weights and fan-in uniform biases, drawn from `generator` in module order.

    The layers' own constructors draw from torch's global generator; this redraws everything so that a network is a
    function of its stream alone.
    """
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.Conv3d):
                fan_in = module.weight[0].numel()
                bound = (3.0 / fan_in) ** 0.5 * (1.0 / 3.0**0.5 if isinstance(module, nn.Linear) else 2.0**0.5)
                module.weight.uniform_(-bound, bound, generator=generator)
                if module.bias is not None:
                    module.bias.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)
