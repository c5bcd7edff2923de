"""Where a round starts: from new weights, from those of the round before, or between the two.

Reference:
    Ash & Adams 2020, "On warm-starting neural network training", arXiv 1910.08475 (shrink and perturb);
    Das et al. 2023, "Accelerating batch active learning using continual learning techniques", arXiv 2305.06408 (replay).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn

from querist.core.errors import UsageError
from querist.learn.before import Before
from querist.learn.schemes.replay import Replay
from querist.nets.base import Network

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm)


class Refit(Protocol):
    """How a round builds on the one before."""

    def start(self, network: Network, before: Before) -> None:
        """Change a fresh network in place; not called in the first round."""

    def around(self, scheme: Any) -> Any:
        """The scheme as this refit trains."""


@dataclass(frozen=True)
class Scratch:
    """New weights every round: the reference."""

    def start(self, network: Network, before: Before) -> None:
        """Nothing."""

    def around(self, scheme: Any) -> Any:
        """The scheme."""
        return scheme


@dataclass(frozen=True)
class Warm:
    """The weights of the round before, where names and shapes agree; quick, and known to generalise worse.

    Attributes:
        trunk_only: Take the trunk alone, hold it, and learn a new head.
    """

    trunk_only: bool = False

    def start(self, network: Network, before: Before) -> None:
        """Load them."""
        carry_over(network, before, trunk_only=self.trunk_only)
        if self.trunk_only:
            network.trunk.requires_grad_(False)

    def around(self, scheme: Any) -> Any:
        """The scheme."""
        return scheme


@dataclass(frozen=True)
class ShrinkPerturb:
    """The weights of the round before, shrunk, plus a little of a new network (whose layers' own scales make the noise).

    shrink = 0 and perturb = 1 is `scratch`; shrink = 1 and perturb = 0 is `warm`. Scales and shifts of normalisation are mixed in the same
    proportion and not shrunk, and running statistics follow the weights that they describe, so that shrinking alone changes no prediction.

    Attributes:
        shrink: Factor of the old parameters.
        perturb: Factor of the new ones.
    """

    shrink: float = 0.4
    perturb: float = 0.1

    def start(self, network: Network, before: Before) -> None:
        """θ = shrink · θ(before) + perturb · θ(fresh); tensors of another shape stay fresh."""
        old = before.weights
        with torch.no_grad():
            for path, module in network.named_modules():
                whole = (self.shrink + self.perturb or 1.0) if isinstance(module, NORMS) else 1.0
                for name, parameter in module.named_parameters(path, recurse=False):
                    _mix(parameter, old.get(name), self.perturb / whole, self.shrink / whole)
                for name, buffer in module.named_buffers(path, recurse=False):
                    if buffer.is_floating_point():
                        power = 2 if name.endswith("running_var") else 1  # a variance goes with the square of the weights
                        _mix(buffer, old.get(name), self.perturb**power, self.shrink**power)

    def around(self, scheme: Any) -> Any:
        """The scheme."""
        return scheme


def _mix(own: Tensor, old: Tensor | None, keep: float, take: float) -> None:
    if old is not None and old.shape == own.shape:
        own.mul_(keep).add_(old, alpha=take)


@dataclass(frozen=True)
class Replaying:
    """The weights of the round before, and batches half of new labels and half of the history; see `schemes.replay`.

    Attributes:
        history: Share of a batch from the history; None is `warm`.
        distil: Weight of the distance to the outputs of the network before.
    """

    history: float | None = 0.5
    distil: float = 0.0

    def start(self, network: Network, before: Before) -> None:
        """Load them."""
        carry_over(network, before)

    def around(self, scheme: Any) -> Any:
        """The scheme on other batches.

        Raises:
            UsageError: for a scheme that writes no programme.
        """
        if not hasattr(scheme, "programme"):
            raise UsageError("replay changes a programme", got=type(scheme).__name__, wanted="a scheme with `programme`")
        return Replay(scheme, self.history, self.distil)


REFITS: Final[Mapping[str, Refit]] = {
    "scratch": Scratch(),
    "warm": Warm(),
    "head_only": Warm(trunk_only=True),
    "shrink_perturb": ShrinkPerturb(),
    "replay": Replaying(),
    "distil_replay": Replaying(distil=0.1),
}
"""By the name that a learner's spec gives."""


def carry_over(network: Network, before: Before, *, trunk_only: bool = False) -> None:
    """Load weights where names and shapes agree (a head with another number of classes starts anew)."""
    own, old = network.state_dict(), before.weights
    kept = {name: tensor for name, tensor in old.items() if name in own and own[name].shape == tensor.shape and not (trunk_only and name.startswith("head."))}
    network.load_state_dict({**own, **kept})
