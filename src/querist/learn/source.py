"""A labelled data set beside the pool, which a network may learn from before it is asked about the pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from querist.core.errors import LabelError, PoolError, UsageError
from querist.data.labelled_sets import read_set
from querist.data.renamed import RenamedPool
from querist.learn.programme import Setting
from querist.learn.unlabelled import Unlabelled

LOOK = 4096
"""Items of it, at even distances, that are compared with the labelled ones."""


@dataclass(frozen=True)
class Source:
    """Items with labels.

    Attributes:
        at: A named data set, or a path; see `data.labelled_sets.read_set`.
        labels: A file of labels; None where the labels are at hand.
        root: Folder of picture paths, or of a named set's files.
        task: Kind of its labels.
    """

    at: str
    labels: str | None = None
    root: str | None = None
    task: str = "classification"

    def open(self, setting: Setting) -> Opened:
        """Its items as the network of this setting reads its own.

        Raises:
            PoolError: if it is not there or cannot be read.
            UsageError: if its labels or its inputs do not suit the task, or if it is the pool itself.
        """
        data = read_set(self.at, self.labels, self.root, self.task)
        prefix = f"source-{data.pool.fingerprint()[:8]}:"
        told = {prefix + item: value for item, value in data.targets.items()}
        try:
            y = setting.task.targets(told)
        except LabelError as error:
            raise UsageError(f"the source {self.at!r} has labels of another kind: {error}", wanted="the classes of the pool, or values like its own") from error
        inputs = setting.data.beside(RenamedPool(data.pool, prefix), "source")
        opened = Opened(Unlabelled(tuple(told), inputs.batch, lambda ids: inputs.readable(ids)[0]), y)
        look, _ = opened.batch(np.unique(np.linspace(0, len(told) - 1, LOOK).astype(np.int64)))
        self._check(look, setting.data.x, len(told))
        return opened

    def _check(self, look: Tensor, x: Tensor, count: int) -> None:
        if look.shape[1:] != x.shape[1:]:
            raise UsageError(f"the source {self.at!r} has other inputs than the pool", got=tuple(look.shape[1:]), wanted=tuple(x.shape[1:]))
        there = {row.numpy().tobytes() for row in look}
        known = sum(row.numpy().tobytes() in there for row in x)
        if 2 * known >= max(len(x) * len(look) / count, 4.0):
            raise UsageError(
                f"the source {self.at!r} is the pool itself", got=f"{known} of {len(x)} labelled items among {len(look)} of it", wanted="another data set",
                hint="Its labels would be given away for nothing.",
            )  # fmt: skip


@dataclass(frozen=True)
class Opened:
    """A source at hand.

    Attributes:
        items: Their inputs, by place.
        y: Their targets (n, …), as the task makes them.
    """

    items: Unlabelled
    y: NDArray[Any]

    def __len__(self) -> int:
        return len(self.items)

    @property
    def ids(self) -> Sequence[str]:
        """Of its items."""
        return self.items.ids

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Inputs (m, *shape) and targets (m, …) of these rows; items that cannot be read are left out.

        Raises:
            PoolError: if none of them can be read.
        """
        for kept, x in self.items.sweep(rows, len(rows)):
            return x, torch.from_numpy(self.y[kept])
        raise PoolError("items of the source cannot be read", got=f"{len(rows)} that cannot, the first is {self.ids[rows[0]]!r}")
