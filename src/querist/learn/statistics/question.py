"""What a statistic that needs the model itself is asked, and the mode in which it may ask the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from querist.learn.device import evaluating
from querist.nets.base import Network
from querist.nets.text_cnn import Words


@dataclass(frozen=True)
class Question:
    """A statistic of these items.

    Attributes:
        ids: The items (n).
        features: Their features (n, d), read when called.
        anchors: Features (m, d) of the labelled items and the class position of each, read when called.
    """

    ids: Sequence[str]
    features: Callable[[], np.ndarray]
    anchors: Callable[[], tuple[np.ndarray, Sequence[int]]]


@contextmanager
def probing(network: nn.Module) -> Iterator[None]:
    """Eval mode with gradients (with respect to inputs); training flags are restored, no weight and no buffer changes."""
    with evaluating(network), torch.enable_grad():
        yield


Run = Callable[[Tensor], Tensor]


def entrance(network: Network) -> tuple[Run, Run]:
    """Where a network's input becomes continuous: inputs → points (n, …), and points → outputs (n, c).

    For most networks the input itself. For one that begins with a table of words the embedded words: an index has no
    direction to be moved in.
    """
    layers: list[Any] = list(network.trunk.children())
    if layers and isinstance(layers[0], Words):
        rest = nn.Sequential(*layers[1:], *network.head).eval()
        return layers[0], rest
    return _same, network


def _same(x: Tensor) -> Tensor:
    return x
