"""The hidden layers of a network by name, and their outputs in a forward pass that is made anyway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from querist.nets.base import Network

ACTIVATIONS = (nn.ReLU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.LeakyReLU, nn.ELU)


def layers(network: Network) -> dict[str, nn.Module]:
    """Name → activation of the trunk, in forward order; a trunk without any has one hidden layer, itself."""
    found: dict[str, nn.Module] = {f"trunk.{name}": module for name, module in network.trunk.named_modules() if isinstance(module, ACTIVATIONS)}
    return found or {"trunk": network.trunk}


def widths(network: Network, shape: tuple[int, ...]) -> dict[str, int]:
    """Name → channels (or columns) of its output. The network's modes and buffers stay as they are."""
    from querist.learn.device import evaluating

    with evaluating(network), torch.no_grad(), tapped(network) as seen:
        network(torch.zeros((1, *shape)))
    return {name: out.shape[1] for name, out in seen.items()}


@contextmanager
def tapped(network: Network) -> Iterator[dict[str, Tensor]]:
    """A mapping that holds the hidden outputs of the last forward pass."""
    seen: dict[str, Tensor] = {}

    def watch(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            seen[name] = output

        return hook

    handles = [module.register_forward_hook(watch(name)) for name, module in layers(network).items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def pooled(hidden: Tensor) -> Tensor:
    """(n, ch, …) → (n, ch): the mean over places."""
    return hidden.flatten(2).mean(dim=2) if hidden.ndim > 2 else hidden
