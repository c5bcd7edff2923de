"""A labelled data set beside the pool, which a network may learn from before it is asked about the pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from querist.core.contracts import Pool
from querist.core.errors import LabelError, UsageError
from querist.data.datasets.named import named
from querist.data.labels import read_labels, read_test
from querist.data.opening import open_pool
from querist.data.renamed import RenamedPool
from querist.learn.inputs import Inputs
from querist.learn.programme import Setting

LOOK = 4096
"""Items of it, at even distances, that are compared with the labelled ones."""


@dataclass(frozen=True)
class Source:
    """Items with labels.

    Attributes:
        at: A named data set, whose development split stays out of it; or a path: a folder of pictures in one subfolder per class, a table
            with a label column, or with `labels` whatever `open_pool` opens.
        labels: A file with the columns `id` and `label`, as `querist export` writes it; None where the labels are at hand.
        root: Folder with the files of a named data set; None for where they usually are.
    """

    at: str
    labels: str | None = None
    root: str | None = None

    def open(self, setting: Setting) -> Opened:
        """Its items as the network of this setting reads its own.

        Raises:
            PoolError: if it is not there or cannot be read.
            UsageError: if its labels or its inputs do not suit the task, or if it is the pool itself.
        """
        pool, values = self._read()
        prefix = f"source-{pool.fingerprint()[:8]}:"
        told = {prefix + item: value for item, value in values.items()}
        try:
            y = setting.task.targets(told)
        except LabelError as error:
            raise UsageError(f"the source {self.at!r} has labels of another kind: {error}", wanted="the classes of the pool, or values like its own") from error
        opened = Opened(tuple(told), y, setting.data.beside(RenamedPool(pool, prefix), "source"))
        self._check(opened.batch(np.unique(np.linspace(0, len(told) - 1, LOOK).astype(np.int64))), setting.data.x, len(told))
        return opened

    def _read(self) -> tuple[Pool, Mapping[str, Any]]:
        if self.labels is not None:
            pool = open_pool(self.at, root=self.root)
            there = set(pool.ids())
            told = {row.id: row.value for row in read_labels(self.labels) if row.id in there}
            if not told:
                raise UsageError(f"{self.labels} has no label of an item of {self.at!r}", wanted="a column `id` with ids of that pool")
            return pool, told
        if Path(self.at).exists():
            found = read_test(self.at)
            return found.pool, found.targets
        pool = open_pool(self.at, root=self.root)
        data = named(self.at, self.root)
        return pool, {item: data.targets[item] for item in data.candidates}

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
        ids: Of its items.
        y: Their targets (n, …), as the task makes them.
        inputs: Where their tensors come from.
    """

    ids: tuple[str, ...]
    y: NDArray[Any]
    inputs: Inputs

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, rows: NDArray[np.int64]) -> Tensor:
        """Inputs (m, *shape) of these rows."""
        return self.inputs.batch([self.ids[row] for row in rows.tolist()])
