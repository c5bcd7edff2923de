"""Restricted Boltzmann machines and the sigmoid network that a stack of them unrolls to.

Reference:
    Hinton 2002, "Training products of experts by minimizing contrastive divergence"; Hinton, Osindero & Teh 2006, "A fast learning
    algorithm for deep belief nets".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from querist.nets.base import Network, initialise


class RBM(nn.Module):
    """Visible and hidden units with weights between them and none among themselves.

    E(v, h) = ½‖v - a‖² - b'h - h'Wv for Gaussian visible units of unit variance, -a'v - b'h - h'Wv for binary ones.

    Args:
        visible: Units of the input.
        hidden: Binary hidden units.
        gaussian: Whether visible units are real numbers; else they lie in [0, 1].
        generator: For the first weights, normal with standard deviation 0.01.
    """

    def __init__(self, visible: int, hidden: int, *, gaussian: bool, generator: torch.Generator) -> None:
        super().__init__()
        self.gaussian = gaussian
        self.weight = nn.Parameter(0.01 * torch.randn(hidden, visible, generator=generator))
        self.a = nn.Parameter(torch.zeros(visible))
        self.b = nn.Parameter(torch.zeros(hidden))

    def hidden(self, v: Tensor) -> Tensor:
        """P(h = 1 | v), (n, hidden)."""
        return torch.sigmoid(functional.linear(v, self.weight, self.b))

    def visible(self, h: Tensor) -> Tensor:
        """The mean of v given h (n, visible)."""
        field = functional.linear(h, self.weight.T, self.a)
        return field if self.gaussian else torch.sigmoid(field)

    def free_energy(self, v: Tensor) -> Tensor:
        """-log Σ_h exp(-E(v, h)), (n,)."""
        own = 0.5 * (v - self.a).square().sum(dim=1) if self.gaussian else -v @ self.a
        return own - functional.softplus(functional.linear(v, self.weight, self.b)).sum(dim=1)

    def contrast(self, v: Tensor, noise: torch.Generator) -> Tensor:
        """F(v) - F(v'), (n,), v' one Gibbs step away and a constant: its gradient is that of one-step contrastive divergence (CD-1).

        The hidden units that reconstruct are drawn; the reconstruction and what it says of hidden units are means.
        """
        with torch.no_grad():
            drawn = torch.bernoulli(self.hidden(v), generator=noise)
            reconstructed = self.visible(drawn)
        return self.free_energy(v) - self.free_energy(reconstructed)


@dataclass(frozen=True)
class DBN:
    """A network of sigmoid layers on flattened inputs, to be pre-trained layer by layer (scheme `belief`).

    Attributes:
        hidden: Widths of the hidden layers.
        dropout: Rate before the last linear layer.
    """

    hidden: tuple[int, ...] = (128, 64)
    dropout: float = 0.3

    def make(self, shape: Sequence[int], outputs: int, generator: torch.Generator) -> Network:
        """A network for inputs of `shape` (without the batch axis)."""
        width = math.prod(shape)
        layers: list[nn.Module] = [nn.Flatten()]
        for size in self.hidden:
            layers += [nn.Linear(width, size), nn.Sigmoid()]
            width = size
        network = Network(nn.Sequential(*layers), nn.Sequential(nn.Dropout(self.dropout), nn.Linear(width, outputs)))
        initialise(network, generator)
        return network


def machines(network: Network, generator: torch.Generator) -> list[RBM]:
    """A machine for every hidden layer of a sigmoid network, the first with Gaussian visible units; none for another network."""
    layers = list(network.trunk.children())
    linear, after = layers[1::2], layers[2::2]
    if not layers or len(layers) % 2 == 0 or not all(isinstance(layer, nn.Sigmoid) for layer in after):
        return []
    sizes = [(layer.in_features, layer.out_features) for layer in linear if isinstance(layer, nn.Linear)]
    return [RBM(visible, hidden, gaussian=number == 0, generator=generator) for number, (visible, hidden) in enumerate(sizes)]


@torch.no_grad()
def unroll(machines: Sequence[RBM], network: Network) -> None:
    """Give a sigmoid network's hidden layers the weights of its machines."""
    for machine, layer in zip(machines, list(network.trunk.children())[1::2], strict=True):
        assert isinstance(layer, nn.Linear)
        layer.weight.copy_(machine.weight)
        layer.bias.copy_(machine.b)
