"""What a learner says about the sites of items, a chunk at a time: pixels and tokens of a whole pool never exist at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from querist.core.errors import TrainingError
from querist.core.sites import Sites
from querist.kernels.site_gradients import shared_gradients, site_gradients
from querist.learn.device import give_back_memory
from querist.learn.inference.base import Sampled, Sampler
from querist.learn.layout import layout
from querist.learn.statistics.forward import identical
from querist.learn.task import TaskHead

CHUNK_BYTES = 64 << 20
"""Most that the outputs of all samples of a chunk take."""

TRIM = 16
"""Chunks after which freed memory goes back to the system: large arrays of changing sizes leave holes that would grow with the pool."""


class Said(NamedTuple):
    """A chunk: sites of m items, and their features (m, d)."""

    sites: Sites
    features: NDArray[np.float32]

    def gradients(self) -> NDArray[np.float32]:
        """(m, …): the mean over sites of the last layer's gradient at the predicted class, or of all sites, where the item's features serve them all.

        See `kernels.site_gradients`.
        """
        return shared_gradients(self.sites, self.features) if self.sites.features is None else site_gradients(self.sites)


@dataclass(frozen=True)
class Reading:
    """How a fitted learner is read.

    Attributes:
        sampler: From `Inference.prepare`.
        load: Ids → inputs (m, *shape).
        task: Outputs → sites.
        batch: Most items per pass; fewer where k samples of their outputs are larger than `CHUNK_BYTES`.
    """

    sampler: Sampler
    load: Callable[[Sequence[str]], Tensor]
    task: TaskHead
    batch: int

    def __call__(self, ids: Sequence[str], on_batch: Callable[[int], None]) -> Iterator[Said]:
        """The items in order, chunk by chunk. The caller holds the networks in eval mode without gradients.

        Raises:
            TrainingError: if an output is not finite, or the k samples are identical for all items.
        """
        start, size, alike, sampled, chunks = 0, 1, True, 1, 0  # the first chunk is one item: it tells how large an item is
        while start < len(ids):
            x = layout(self.load(ids[start : start + size]))
            told = self.sampler(x)
            self._check(told, ids[start : start + size])
            sampled = told.logits.shape[1]
            alike = alike and not bool((told.logits != told.logits[:, :1]).any())
            yield Said(self.task.sites(told.logits, x, told.hidden), told.features.numpy())
            start, chunks = start + len(x), chunks + 1
            on_batch(start)
            if chunks % TRIM == 0:
                give_back_memory()
            size = max(1, min(self.batch, CHUNK_BYTES // max(told.logits[:1].numel() * told.logits.element_size(), 1)))
        if alike and sampled > 1 and len(ids) > 1:
            raise identical(sampled)

    @staticmethod
    def _check(told: Sampled, ids: Sequence[str]) -> None:
        bad = torch.nonzero(~torch.isfinite(told.logits).flatten(1).all(dim=1))
        if len(bad):
            raise TrainingError(f"the network gives no finite output for item {ids[int(bad[0])]!r}", hint="Training diverged, or an input is not finite.")
