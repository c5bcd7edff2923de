"""Distances of items to where an attack changes their prediction: batches, modes and what never flips, the same for all attacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from querist.learn.layout import layout
from querist.learn.statistics.forward import batch_size
from querist.learn.statistics.question import Run, entrance, probing

if TYPE_CHECKING:
    from querist.learn.learner import Fitted

FAR = float(np.finfo(np.float32).max)
"""The distance of what never flipped: finite, and larger than any other."""

Attack = Callable[[Run, Tensor], tuple[Tensor, Tensor]]
"""Network from its continuous entrance on, points (n, …) → perturbation (n, …), flipped (n,)."""

OnBatch = Callable[[int], None]


def distances(fitted: Fitted, ids: Sequence[str], attack: Attack, share: int, on_batch: OnBatch) -> NDArray[np.float32]:
    """L2 norms (n,) of perturbations.

    Args:
        fitted: Its first network is asked.
        ids: The items.
        attack: What perturbs.
        share: How many times the memory of a forward pass the attack takes.
        on_batch: Told how many items are done.
    """
    network, out = fitted.networks[0], np.empty(len(ids), dtype=np.float32)
    with probing(network):
        embed, run = entrance(network)
        batch = max(batch_size(fitted.networks, fitted.inputs.shape) // share, 16)
        for first in range(0, len(ids), batch):
            points = embed(layout(fitted.inputs.batch(ids[first : first + batch]))).detach()
            moved, flipped = attack(run, points)
            norms = moved.flatten(1).double().norm(dim=1)
            out[first : first + batch] = np.where(flipped.numpy(), np.minimum(norms.numpy(), FAR), FAR)
            on_batch(min(first + batch, len(ids)))
    return out
