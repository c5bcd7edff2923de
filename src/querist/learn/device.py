"""Threads and devices on one machine. No Fabric here: one CPU or one GPU without mixed precision needs none."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from querist.nets.base import evaluating

__all__ = ["evaluating", "generator", "give_back_memory", "held", "scoring"]


def give_back_memory() -> None:
    """Let the C library return freed pages to the system, where it can (glibc); elsewhere nothing happens."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform.startswith("linux") else None
    if trim is not None:
        trim(0)


def generator(seed: int) -> torch.Generator:
    """A CPU generator with this seed."""
    made = torch.Generator()
    made.manual_seed(seed)
    return made


@contextmanager
def held(tensors: Iterable[Tensor]) -> Iterator[None]:
    """No gradients into these parameters; those that took some before take them again afterwards."""
    active = [tensor for tensor in tensors if tensor.requires_grad]
    for tensor in active:
        tensor.requires_grad_(False)
    try:
        yield
    finally:
        for tensor in active:
            tensor.requires_grad_(True)


@contextmanager
def scoring(model: nn.Module) -> Iterator[nn.Module]:
    """The model in eval mode without gradients."""
    with evaluating(model), torch.inference_mode():
        yield model
