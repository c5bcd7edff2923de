"""Windows of images and volumes as items: one asks for a part, and everything that chooses items chooses parts.

A region loads its whole parent, for a network sees better with what is around, and beside it the window as one more channel: 1 within, -1
outside. `nets.unet.UNet(window=True)` takes that channel for what it is. What is said outside does not count, and a region's target is its
parent's with null outside.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from querist.core.contracts import Pool
from querist.core.errors import PoolError, UnknownItemError, UsageError
from querist.core.order import canonical
from querist.tasks.dense.runs import NOBODY, to_positions, to_runs

MARK: Final = "#"
"""Between the parent's id and the region's place."""


@dataclass(frozen=True)
class RegionPool:
    """The windows of a regular grid over every item of another pool. Ids are `PARENT#row,column`, of volumes `PARENT#slice,row,column`.

    Attributes:
        pool: Items are images (h, w) or (h, w, ch), or volumes (ch, d, h, w).
        grid: Rows and columns of windows; for volumes slices, rows and columns. Windows differ by a pixel where sizes do not divide.
    """

    pool: Pool
    grid: tuple[int, ...] = (2, 2)

    @cached_property
    def _ids(self) -> tuple[str, ...]:
        if len(self.grid) not in (2, 3) or min(self.grid) < 1:
            raise UsageError("regions lie in a grid", got=self.grid, wanted="rows and columns, before them slices for volumes, each ≥ 1")
        places = [",".join(map(str, place)) for place in itertools.product(*map(range, self.grid))]
        return tuple(canonical(f"{parent}{MARK}{place}" for parent in self.pool.ids() for place in places))

    def ids(self) -> Sequence[str]:
        """All ids, in canonical order."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def load(self, item_id: str) -> NDArray[np.float32]:
        """The parent with the window as its last channel; float32.

        Raises:
            UnknownItemError: for no id of a region.
            PoolError: for a parent that is no image or volume.
        """
        parent, window = self.place(item_id)
        whole = np.asarray(self.pool.load(parent), dtype=np.float32)
        volume = len(self.grid) == 3
        whole = whole[..., None] if whole.ndim == 2 and not volume else whole
        if whole.ndim != (4 if volume else 3):
            raise PoolError(f"item {parent!r} has no regions of this grid", got=whole.shape, wanted="(ch, d, h, w)" if volume else "(h, w) or (h, w, ch)")
        size = whole.shape[1:] if volume else whole.shape[:2]
        mask = np.full(size, -1.0, dtype=np.float32)
        mask[self.window(window, size)] = 1.0
        return np.concatenate([whole, mask[None]]) if volume else np.concatenate([whole, mask[..., None]], axis=2)

    def fingerprint(self) -> str:
        """Hex digest of the parents' and of the grid."""
        return hashlib.sha256(f"regions:{self.grid}:{self.pool.fingerprint()}".encode()).hexdigest()

    def extend(self, items: Any) -> Sequence[str]:
        """Refused: extend the pool of the parents.

        Raises:
            UsageError: always.
        """
        raise UsageError("regions are parts of the items of a pool", hint="Extend that pool, and make its regions anew.")

    def place(self, item_id: str) -> tuple[str, tuple[int, ...]]:
        """The parent's id and the region's place in the grid.

        Raises:
            UnknownItemError: for no id of a region.
        """
        parent, mark, place = item_id.rpartition(MARK)
        numbers = tuple(int(number) for number in place.split(",") if number.isdigit())
        if not mark or len(numbers) != len(self.grid) or any(number >= most for number, most in zip(numbers, self.grid, strict=True)):
            raise UnknownItemError(
                "there is no such region in the pool", got=repr(item_id), wanted=f"an id like 'PARENT{MARK}{','.join('0' * len(self.grid))}'"
            )
        return parent, numbers

    def window(self, place: Sequence[int], size: Sequence[int]) -> tuple[slice, ...]:
        """Where a region lies in its parent.

        Raises:
            PoolError: for a parent with fewer pixels a side than there are windows.
        """
        if any(side < parts for side, parts in zip(size, self.grid, strict=True)):
            raise PoolError("the item is smaller than the grid of its regions", got=tuple(size), wanted=self.grid)
        return tuple(slice(at * side // parts, (at + 1) * side // parts) for at, side, parts in zip(place, size, self.grid, strict=True))

    def values(self, whole: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
        """What is true of the regions of these parents: the class map with null outside the window.

        Args:
            whole: Parent → its class map, a value of the label space of `dense`.
            names: The classes.
        """
        found = {}
        for item in self._ids:
            parent, place = self.place(item)
            if parent in whole:
                positions = to_positions(whole[parent], names)
                kept = np.full_like(positions, NOBODY)
                window = self.window(place, positions.shape)
                kept[window] = positions[window]
                if (kept != NOBODY).any():
                    found[item] = to_runs(kept, names)
        return found
