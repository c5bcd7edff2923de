"""AdamW and the one-cycle rate, without the 150 MB and two seconds that torch's optimiser classes cost.

The classes of `torch.optim` import torch's compiler when they are made. A worker on a small machine never compiles, so the update is
torch's own function (`torch.optim.adamw.adamw`) over state kept here: the weights are those of `torch.optim.AdamW` under
`torch.optim.lr_scheduler.OneCycleLR`, bit for bit.

Reference:
    AdamW arXiv 1711.05101; one-cycle arXiv 1708.07120.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.optim.adamw import adamw

START = 25.0
"""The first rate is the peak over this."""

END = 1e4
"""The last rate is the first over this."""


def one_cycle(step: int, total: int, peak: float, warmup: float) -> float:
    """The rate of a step: a cosine up from peak / 25 during `warmup · total` steps, then a cosine down to peak / 250,000."""
    top, last = warmup * total - 1, float(total - 1)
    first = peak / START
    if step <= top:
        return _cosine(first, peak, step / top if top > 0 else 1.0)
    return _cosine(peak, first / END, (step - top) / (last - top))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)


@dataclass
class Group:
    """Parameters that decay alike, with their moments."""

    parameters: list[Tensor]
    decay: float
    first: list[Tensor] = field(default_factory=list)
    second: list[Tensor] = field(default_factory=list)
    steps: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.second = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.steps = [torch.tensor(0.0) for _ in self.parameters]


class AdamW:
    """Decoupled weight decay on weights; none on biases and normalisation scales. Frozen parameters are left out.

    Args:
        parameters: Of the network.
        decay: Weight decay of parameters with more than one dimension.
        betas: Decay rates of the two moments.
    """

    def __init__(self, parameters: Iterable[Tensor], decay: float, betas: tuple[float, float] = (0.9, 0.99)) -> None:
        active = [parameter for parameter in parameters if parameter.requires_grad]
        self._betas = betas
        self._groups = [
            Group([parameter for parameter in active if parameter.ndim > 1], decay),
            Group([parameter for parameter in active if parameter.ndim <= 1], 0.0),
        ]

    def clear(self) -> None:
        """Forget the gradients."""
        for group in self._groups:
            for parameter in group.parameters:
                parameter.grad = None

    def state(self) -> dict[str, Tensor]:
        """Moments and step counts, for a checkpoint."""
        found: dict[str, Tensor] = {}
        for number, group in enumerate(self._groups):
            for name in ("first", "second", "steps"):
                found |= {f"{number}/{name}/{place}": tensor.clone() for place, tensor in enumerate(getattr(group, name))}
        return found

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """From a checkpoint of an optimiser of the same parameters."""
        for name, tensor in state.items():
            number, part, place = name.split("/")
            getattr(self._groups[int(number)], part)[int(place)].copy_(tensor)

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One update at this rate; parameters without a gradient stay as they are."""
        for group in self._groups:
            took = [place for place, parameter in enumerate(group.parameters) if parameter.grad is not None]
            adamw(
                [group.parameters[place] for place in took],
                [grad for place in took if (grad := group.parameters[place].grad) is not None],
                [group.first[place] for place in took],
                [group.second[place] for place in took],
                [],
                [group.steps[place] for place in took],
                amsgrad=False,
                beta1=self._betas[0],
                beta2=self._betas[1],
                lr=rate,
                weight_decay=group.decay,
                eps=1e-8,
                maximize=False,
            )
