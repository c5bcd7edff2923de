"""The unlabelled pool as training sees it: inputs by place, read a batch at a time. There is no way from here to a target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from querist.core.errors import PoolError

Load = Callable[[Sequence[str]], Tensor]


class Unlabelled:
    """Inputs of unlabelled items.

    Args:
        ids: In canonical order.
        load: Ids → inputs (m, *shape).
        readable: Ids → those of them that can be read; asked when a batch cannot.
        known: Inputs (m, *shape) that are there already; they have the first places.
    """

    def __init__(
        self, ids: Sequence[str], load: Load, readable: Callable[[Sequence[str]], Sequence[str]] = lambda ids: ids, known: Tensor | None = None
    ) -> None:
        self.ids, self._load, self._readable, self._known = ids, load, readable, known

    def __len__(self) -> int:
        return len(self.ids) + (0 if self._known is None else len(self._known))

    def after(self, known: Tensor) -> Unlabelled:
        """These items after inputs (m, *shape) that are there already."""
        return Unlabelled(self.ids, self._load, self._readable, known)

    def batch(self, places: NDArray[np.int64]) -> Tensor:
        """Inputs (m, *shape) of the items at these places; what cannot be read is left out, and the scoring pass reports it."""
        if self._known is None:
            return self._read(places)
        first, there = len(self._known), places < len(self._known)
        known = self._known[torch.from_numpy(places[there])]
        return known if there.all() else torch.cat([known, self._read(places[~there] - first)])

    def _read(self, places: NDArray[np.int64]) -> Tensor:
        ids = [self.ids[place] for place in places]
        try:
            return self._load(ids)
        except PoolError:
            return self._load(self._readable(ids))

    def sweep(self, places: NDArray[np.int64], size: int = 256) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        """Places and their inputs (m, *shape), a batch at a time; the places of what cannot be read are left out."""
        for first in range(0, len(places), size):
            part = places[first : first + size]
            ids = [self.ids[place] for place in part]
            try:
                x = self._load(ids)
            except PoolError:
                left = set(self._readable(ids))
                part = part[[item in left for item in ids]]
                if not len(part):
                    continue
                x = self._load([self.ids[place] for place in part])
            yield part, x


class Order:
    """Which rows each draw gets: shuffled epochs laid end to end, so that every batch is full.

    Args:
        n: Rows.
        size: Rows of a draw; more than n repeat within it.
        rng: The stream of this order and of nothing else.
    """

    def __init__(self, n: int, size: int, rng: np.random.Generator) -> None:
        self._n, self._size, self._rng = n, size, rng
        self._rows: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._first = 0  # the place of self._rows[0] in the whole order

    def __call__(self, draw: int) -> NDArray[np.int64]:
        """Rows (size,) of this draw; draws are asked for in ascending order."""
        start, end = draw * self._size, (draw + 1) * self._size
        while self._first + len(self._rows) < end:
            keep = max(start - self._first, 0)
            self._rows, self._first = self._rows[keep:], self._first + min(keep, len(self._rows))
            self._rows = np.concatenate([self._rows, self._rng.permutation(self._n)])
        return self._rows[start - self._first : end - self._first]


class Mixed:
    """Draws side by side from several sets of rows, each with an order of its own.

    Args:
        rows: The sets.
        sizes: Rows of a draw from each; at most all there are, and two in all where there is only one.
        rngs: The stream of each order.
    """

    def __init__(self, rows: Sequence[NDArray[np.int64]], sizes: Sequence[int], rngs: Sequence[np.random.Generator]) -> None:
        self._rows, few = rows, 2 if len(rows) == 1 else 1
        self._orders = [Order(len(own), min(size, max(len(own), few)), rng) for own, size, rng in zip(rows, sizes, rngs, strict=True)]

    def __call__(self, draw: int) -> NDArray[np.int64]:
        """Rows of this draw, set by set."""
        return np.concatenate([own[order(draw)] for own, order in zip(self._rows, self._orders, strict=True)])
