"""Laplace's approximation of the last layer: a Gaussian around the trained weights whose precision is the curvature of the loss there.

Reference:
    MacKay 1992; Daxberger et al. 2021, "Laplace redux: effortless Bayesian deep learning", arXiv 2106.14806 (last layer, prior by evidence).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from querist.core.errors import TrainingError, UsageError
from querist.kernels.laplace import Curvature, best_precision, curvature, perturbations, summed
from querist.learn.device import scoring
from querist.learn.inference.base import Sampled, Sampler, penultimate
from querist.learn.layout import layout
from querist.learn.schemes.base import TrainingSet
from querist.learn.task import TaskHead
from querist.nets.base import Network

FULL = 1024
"""Weights of a last layer up to which the whole Hessian is kept: 8 MB, a second."""

WIDE = 2048
"""Inputs of a last layer above which only the diagonal is kept."""

ROWS = 256
BENDS = 1 << 22
"""Second derivatives (float64) held at a time, beyond 16 items."""

STRUCTURES = ("full", "kronecker", "diagonal")


class Posterior(nn.Linear):
    """A linear layer that keeps the curvature of the loss at its weights; before any training the prior alone.

    Args:
        layer: Whose weights to take.
        structure: See `kernels.laplace.curvature`.
    """

    def __init__(self, layer: nn.Linear, structure: str) -> None:
        super().__init__(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
        self.weight, self.bias = layer.weight, layer.bias
        self.structure = structure
        c, e = layer.out_features, layer.in_features + 1
        self.register_buffer("precision", torch.ones((), dtype=torch.float64))
        self.register_buffer("values", torch.zeros((c, e), dtype=torch.float64))
        self.register_buffer("left", torch.eye({"full": c * e, "kronecker": c}.get(structure, 0), dtype=torch.float64))
        self.register_buffer("right", torch.eye(e if structure == "kronecker" else 0, dtype=torch.float64))

    @property
    def curvature(self) -> Curvature:
        """As it was last kept."""
        values, left, right = (getattr(self, name).numpy() for name in ("values", "left", "right"))
        return Curvature(values, left if left.size else None, right if right.size else None)

    def keep(self, found: Curvature, precision: float) -> None:
        """Take up a curvature and a prior precision."""
        for name, part in zip(("values", "left", "right"), found, strict=True):
            if part is not None:
                getattr(self, name).copy_(torch.from_numpy(np.ascontiguousarray(part)))
        self.get_buffer("precision").fill_(precision)


@dataclass(frozen=True)
class Laplace:
    """k last layers around the trained one; the trunk runs once.

    Attributes:
        samples: Draws k, ≥ 2.
        members: Always 1.
        structure: `full`, `kronecker`, `diagonal`, or `auto`: the first that is affordable for the layer.
        precision: Of the prior N(0, 1 / precision) of each weight; 0 takes the one with the largest evidence, which for networks that were
            trained with decoupled weight decay is too small: it takes the trained weights for the mode.
    """

    samples: int = 20
    members: int = 1
    structure: str = "auto"
    precision: float = 30.0

    def dress(self, network: Network) -> Network:
        """A last layer that can keep its curvature.

        Raises:
            UsageError: for an unknown structure.
        """
        if self.structure not in (*STRUCTURES, "auto"):
            raise UsageError("unknown structure of a curvature", got=self.structure, wanted=", ".join((*STRUCTURES, "auto")))
        last = network.last
        inputs = last.in_features + 1
        affordable = "full" if last.out_features * inputs <= FULL else "kronecker" if inputs <= WIDE else "diagonal"
        network.head[-1] = Posterior(last, affordable if self.structure == "auto" else self.structure)
        return network

    def settle(self, network: Network, task: TaskHead, data: TrainingSet) -> None:
        """Keep the curvature of the summed loss of the labelled items, as they are, at the trained weights."""
        last = _posterior(network)
        y = torch.from_numpy(data.y)
        rows = max(16, min(ROWS, BENDS // last.out_features**2))
        total: list[np.ndarray] = []
        for first in range(0, len(y), rows):
            with scoring(network):
                hidden = penultimate(network, layout(data.x[first : first + rows])).numpy()
            features = torch.from_numpy(hidden.copy())
            outputs = (features @ last.weight.detach().T + (0.0 if last.bias is None else last.bias.detach())).double()
            parts = summed(hidden, bends(task, outputs, y[first : first + rows]), last.structure)
            total = [one + other for one, other in zip(total, parts, strict=True)] if total else parts
        found = curvature(total, len(y), last.out_features, last.structure)
        weights = [tensor.detach().double() for tensor in (last.weight, last.bias) if tensor is not None]
        squared = sum(float(tensor.square().sum()) for tensor in weights)
        last.keep(found, self.precision or best_precision(found.values, squared))

    def prepare(self, networks: Sequence[Network], rng: np.random.Generator) -> Sampler:
        """See `Inference`.

        Raises:
            UsageError: for fewer than two samples.
            TrainingError: if the last layer keeps no curvature: all samples would be identical.
        """
        if self.samples < 2:
            raise UsageError("Laplace's approximation needs samples to differ", got=f"samples={self.samples}", wanted="at least 2")
        network = networks[0]
        last = _posterior(network)
        shape = (self.samples, last.out_features, last.in_features + 1)
        away = torch.from_numpy(perturbations(last.curvature, float(last.get_buffer("precision")), rng.standard_normal(shape)).astype(np.float32))
        weights = (last.weight.detach() + away[:, :, :-1]).reshape(-1, last.in_features)
        bias = away[:, :, -1] if last.bias is None else last.bias.detach() + away[:, :, -1]

        def sample(x: Tensor) -> Sampled:
            features = penultimate(network, x)
            return Sampled(features, (features @ weights.T).view(len(x), self.samples, last.out_features) + bias)

        return sample


def bends(task: TaskHead, outputs: Tensor, targets: Tensor) -> np.ndarray:
    """Second derivatives (n, c, c) of the loss of each item by its outputs (n, c), whatever the task's loss is."""
    with torch.enable_grad():
        z = outputs.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(task.loss(z, targets).sum(), z, create_graph=True)
        columns = [torch.autograd.grad(slope[:, c].sum(), z, retain_graph=True)[0] for c in range(z.shape[1])]
    return np.asarray(torch.stack(columns, dim=1).numpy())


def _posterior(network: Network) -> Posterior:
    if not isinstance(network.last, Posterior):
        raise TrainingError(
            "the last layer of this network keeps no curvature: all posterior samples would be identical", got="a plain network",
            wanted="one that was dressed by this inference",
        )  # fmt: skip
    return network.last
