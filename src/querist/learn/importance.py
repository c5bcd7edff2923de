"""How much each training example still pulls at a trained network: the norm of its gradient under its true label.

An analysis of a data set that is labelled throughout, no query rule: it reads the labels that an active learner has yet to buy.

Reference:
    Vodrahalli, Li & Malik 2018, "Are all training examples created equal?", arXiv 1811.12569; Paul et al. 2021 (EL2N, GraNd), arXiv 2107.07075.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from querist.core.errors import UsageError
from querist.learn.device import evaluating
from querist.learn.layout import layout
from querist.learn.learner import Fitted
from querist.learn.task import TaskHead
from querist.nets.base import Network

MODES: Final = ("grad_norm", "last_layer", "el2n")
CHUNK = 64
"""Items in one pass."""


def importance(
    fitted: Fitted, task: TaskHead, ids: Sequence[str], targets: NDArray[np.int64], mode: str = "grad_norm",
    on_batch: Callable[[int], None] = lambda done: None,
) -> NDArray[np.float64]:  # fmt: skip
    """Importance of labelled items to a trained network, its members averaged; the network is asked in eval mode and left as it is.

    Args:
        fitted: The trained learner.
        task: Gives the loss; neither smoothed nor weighted here.
        ids: The items.
        targets: Their true classes (n,).
        mode: `grad_norm` ‖∇_θ ℓ(x_i, y_i)‖ over all weights; `last_layer` the same over the last layer alone, in closed form
            ‖p - e_y‖ · ‖(h, 1)‖; `el2n` ‖p - e_y‖.
        on_batch: Told how many items are done.

    Returns:
        (n,) float64, higher is more important; 0 for an item that is fitted perfectly.

    Raises:
        UsageError: for an unknown mode.
    """
    if mode not in MODES:
        raise UsageError("unknown kind of importance", got=mode, wanted=", ".join(MODES))
    total = np.zeros(len(ids))
    for network in fitted.networks:
        with evaluating(network):
            part = _whole if mode == "grad_norm" else _last
            total += part(network, task, fitted, ids, targets, mode, on_batch)
    return np.asarray(total / len(fitted.networks))


def _whole(
    network: Network, task: TaskHead, fitted: Fitted, ids: Sequence[str], targets: NDArray[np.int64], mode: str, on_batch: Callable[[int], None]
) -> NDArray[np.float64]:
    """Norms of the gradient over all weights: of a batch at once where every layer is a known one, else item by item."""
    norms, chunk = np.empty(len(ids)), CHUNK
    together = _known(network)
    for first in range(0, len(ids), chunk):
        part = slice(first, first + chunk)
        x, y = layout(fitted.inputs.batch(ids[part])), torch.from_numpy(targets[part])
        squares = _squares(network, task, x, y) if together else None
        norms[part] = _one_by_one(network, task, x, y) if squares is None else squares.sqrt().numpy()
        on_batch(min(first + chunk, len(ids)))
    return norms


def _one_by_one(network: Network, task: TaskHead, x: Tensor, y: Tensor) -> list[float]:
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    norms = []
    for row in range(len(x)):
        loss = task.loss(network(x[row : row + 1]), y[row : row + 1]).sum()
        gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        norms.append(sum(float(gradient.double().square().sum()) for gradient in gradients if gradient is not None) ** 0.5)
    return norms


def _owners(network: Network) -> list[nn.Module]:
    return [module for module in network.modules() if any(weight.requires_grad for weight in module.parameters(recurse=False))]


def _known(network: Network) -> bool:
    convolutions = [module for module in _owners(network) if isinstance(module, nn.Conv2d)]
    plain = all(module.groups == 1 and module.padding_mode == "zeros" and not isinstance(module.padding, str) for module in convolutions)
    return plain and all(isinstance(module, nn.Linear | nn.Conv2d | nn.BatchNorm1d | nn.BatchNorm2d) for module in _owners(network))


def _squares(network: Network, task: TaskHead, x: Tensor, y: Tensor) -> Tensor | None:
    """Squared norms (n,) from one pass: in eval mode an item's gradient at a layer's output depends on that item alone. None if a layer ran twice."""
    owners = _owners(network)
    seen: dict[nn.Module, list[tuple[Tensor, Tensor]]] = {module: [] for module in owners}
    handles = [module.register_forward_hook(lambda layer, given, output: seen[layer].append((given[0], output))) for module in owners]
    try:
        losses = task.loss(network(x), y)
    finally:
        for handle in handles:
            handle.remove()
    if any(len(calls) != 1 or calls[0][0].ndim not in (2, 4) for calls in seen.values()):
        return None
    gradients = torch.autograd.grad(losses.sum(), [seen[module][0][1] for module in owners])
    total = torch.zeros(len(x), dtype=torch.float64)
    for module, gradient in zip(owners, gradients, strict=True):
        for part in _layer(module, seen[module][0][0].detach(), gradient):
            total += part.flatten(1).double().square().sum(dim=1)
    return total


def _layer(module: nn.Module, given: Tensor, gradient: Tensor) -> list[Tensor]:
    """Each item's gradient of a layer's weights, and of its bias, or tensors of the same norm per item."""
    flat = gradient.flatten(2) if gradient.ndim == 4 else gradient.unsqueeze(-1)
    if isinstance(module, nn.Linear):
        weight = gradient.double().norm(dim=1, keepdim=True) * given.double().norm(dim=1, keepdim=True)
    elif isinstance(module, nn.Conv2d):
        assert not isinstance(module.padding, str)
        columns = functional.unfold(given, module.kernel_size, module.dilation, module.padding, module.stride)
        weight = torch.einsum("nol,nkl->nok", flat, columns)
    else:
        assert isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None
        shape = (1, -1, *([1] * (given.ndim - 2)))
        normed = (given - module.running_mean.view(shape)) / (module.running_var.view(shape) + module.eps).sqrt()
        weight = (gradient * normed).reshape(flat.shape).sum(dim=-1)
    return [weight, flat.sum(dim=-1)] if module.bias is not None else [weight]


def _last(
    network: Network, task: TaskHead, fitted: Fitted, ids: Sequence[str], targets: NDArray[np.int64], mode: str, on_batch: Callable[[int], None]
) -> NDArray[np.float64]:
    values = np.empty(len(ids))
    for first in range(0, len(ids), 256):
        part = slice(first, first + 256)
        with torch.no_grad():
            hidden = network.trunk(layout(fitted.inputs.batch(ids[part])))
            for layer in network.head[:-1]:
                hidden = layer(hidden)
            residual = torch.softmax(network.last(hidden), dim=-1).double()
            residual[torch.arange(len(residual)), torch.from_numpy(targets[part])] -= 1.0
            length = residual.square().sum(dim=1).sqrt()
            if mode == "last_layer":
                length = length * (hidden.double().square().sum(dim=1) + 1.0).sqrt()
        values[part] = length.numpy()
        on_batch(min(first + 256, len(ids)))
    return values
