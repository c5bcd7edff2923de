"""The round before, for schemes and refits that build on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from querist.nets.base import Network

LABELLED = "labelled.json"


@dataclass(frozen=True)
class Before:
    """What the round before left in its folder.

    Attributes:
        folder: The folder.
        member: Ensemble member.
        make: A fresh network of this round's shape.
        continued: Whether this round's network starts from the weights of that one.
    """

    folder: Path
    member: int
    make: Callable[[], Network]
    continued: bool = False

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """The weights and buffers of that round's network, empty if they are not there."""
        return load(weights_file(self.folder, self.member))

    @cached_property
    def network(self) -> Network | None:
        """The network of that round, in eval mode and frozen; None if it is not there or had another shape (other classes, say)."""
        kept = self.weights
        if not kept:
            return None
        with torch.random.fork_rng(devices=[]):
            network = self.make()
        own = network.state_dict()
        if own.keys() != kept.keys() or any(own[name].shape != tensor.shape for name, tensor in kept.items()):
            return None
        network.load_state_dict(kept)
        return network.eval().requires_grad_(False)

    @cached_property
    def memory(self) -> dict[str, Tensor]:
        """What the scheme kept in its memory."""
        return {name.removeprefix("memory/"): tensor for name, tensor in load(beside_file(self.folder, self.member)).items() if name.startswith("memory/")}

    @cached_property
    def ids(self) -> frozenset[str]:
        """The items that had labels in that round."""
        try:
            return frozenset(json.loads((self.folder / LABELLED).read_text(encoding="utf-8")))
        except OSError:
            return frozenset()


def weights_file(folder: Path, member: int) -> Path:
    """Where a member's weights are kept."""
    return folder / f"member-{member}.safetensors"


def beside_file(folder: Path, member: int) -> Path:
    """Where what a scheme trained beside a member, and what it remembers, is kept."""
    return folder / f"member-{member}.beside.safetensors"


def load(file: Path) -> dict[str, Tensor]:
    """Tensors by name; empty if there is no such file."""
    from safetensors.torch import load_file

    return dict(load_file(file)) if file.is_file() else {}


def save(file: Path, tensors: dict[str, Tensor]) -> None:
    """Write a file that is complete or absent."""
    from safetensors.torch import save_file

    partial = file.with_suffix(".part")
    save_file({name: tensor.detach().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}, partial)  # none shares memory
    partial.replace(file)
