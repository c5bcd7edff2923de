"""Memory order of batches."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


def layout(x: Tensor) -> Tensor:
    """Images in channels-last memory order, up to twice as fast on CPUs; the values are the same."""
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def arranged(network: Module) -> Module:
    """The network with convolution weights channels-last.

    With one input channel the order of the batch alone is ambiguous, and torch would fall back to the slow one (3 ×). One with
    convolutions over volumes stays as it is.
    """
    volumes = any(weight.ndim > 4 for weight in network.parameters())
    return network if volumes else network.to(memory_format=torch.channels_last)
