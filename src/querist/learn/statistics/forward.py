"""The forward pass that yields `probs`, `features` and `gradients` together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from querist.core.errors import TrainingError
from querist.kernels.gradients import residual
from querist.learn.inference.base import Sampler
from querist.learn.layout import layout

ACTIVATION_BYTES = 3 << 20
"""Largest activation of a scoring batch: a few MB stay in cache and out of malloc's page faults."""

LOADED = 8
"""Batches whose inputs are loaded, and whose outputs are kept, in one step."""


@dataclass(frozen=True)
class Scored:
    """Statistics of some items, rows in the order of the ids asked for.

    Attributes:
        probs: (n, k, c) float32.
        features: (n, d) float32.
    """

    probs: NDArray[np.float32]
    features: NDArray[np.float32]

    def named(self, name: str) -> Any:
        """A statistic by its public name."""
        if name == "gradients":
            return residual(self.probs.mean(axis=1, dtype=np.float64).astype(np.float32)), self.features
        return {"probs": self.probs, "features": self.features}[name]


def score(sampler: Sampler, load: Callable[[Sequence[str]], Tensor], ids: Sequence[str], batch: int, on_batch: Callable[[int], None]) -> Scored:
    """Run a prepared sampler over items. The caller holds the networks in eval mode (`learn.device.scoring`).

    Args:
        sampler: From `Inference.prepare`.
        load: Ids → inputs (m, *shape).
        ids: The items.
        batch: Items per pass, from `batch_size`.
        on_batch: Told how many items are done.

    Raises:
        TrainingError: if the k samples are identical, or an output is not finite.
    """
    probs: NDArray[np.float32] | None = None
    features: NDArray[np.float32] | None = None
    alike = True
    for start in range(0, len(ids), chunk := batch * LOADED):
        x = load(ids[start : start + chunk])
        parts = [sampler(layout(part)) for part in torch.split(x, batch)]
        logits, hidden = torch.cat([part.logits for part in parts]), torch.cat([part.features for part in parts])
        # Seen on logits: a network that is certain of every item saturates the probabilities of samples that do differ.
        alike = alike and not bool((logits != logits[:, :1]).any())
        if probs is None or features is None:
            probs = np.empty((len(ids), *logits.shape[1:]), dtype=np.float32)
            features = np.empty((len(ids), hidden.shape[1]), dtype=np.float32)
        probs[start : start + chunk] = torch.softmax(logits, dim=-1).numpy()
        features[start : start + chunk] = hidden.numpy()
        on_batch(min(start + chunk, len(ids)))
    if probs is None or features is None:
        return Scored(np.empty((0, 1, 1), dtype=np.float32), np.empty((0, 1), dtype=np.float32))
    _check(probs, ids, alike)
    return Scored(probs, features)


def batch_size(networks: Sequence[nn.Module], shape: Sequence[int]) -> int:
    """Items per scoring batch, so that the largest activation is about `ACTIVATION_BYTES`; a multiple of 16, at most 4096."""
    largest = 4 * int(np.prod(shape))

    def watch(_module: nn.Module, _inputs: Any, output: Any) -> None:
        nonlocal largest
        if isinstance(output, Tensor):
            largest = max(largest, output.numel() * output.element_size())

    handles = [module.register_forward_hook(watch) for module in networks[0].modules()]
    try:
        networks[0](torch.zeros((1, *shape)))
    finally:
        for handle in handles:
            handle.remove()
    return int(min(max(round(ACTIVATION_BYTES / largest / 16) * 16, 16), 4096))


def identical(samples: int) -> TrainingError:
    """What is wrong with posterior samples that say the same of every item."""
    return TrainingError("the posterior samples are identical", got=f"{samples} equal samples", wanted="samples that differ", hint="Is the rate 0?")


def _check(probs: NDArray[np.float32], ids: Sequence[str], alike: bool) -> None:
    bad = np.flatnonzero(~np.isfinite(probs).all(axis=(1, 2)))
    if len(bad):
        raise TrainingError(
            f"the network gives no finite probabilities for {len(bad)} items, the first is {ids[bad[0]]!r}",
            hint="Training diverged, or an input is not finite.",
        )
    if probs.shape[1] > 1 and len(probs) > 1 and alike:
        raise identical(probs.shape[1])
