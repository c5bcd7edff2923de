"""A look at an item, for labels that have to suit what it is: how many tokens, how large a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from querist.core.contracts import Pool
from querist.core.errors import QueristError
from querist.core.tokens import tokens_of


@dataclass(frozen=True)
class Look:
    """What can be seen of an item without much ado; nothing of one that cannot be read, or whose pool is elsewhere.

    Attributes:
        pool: Its pool.
        item: Its id.
    """

    pool: Pool
    item: str

    @cached_property
    def shape(self) -> tuple[int, ...] | None:
        """Of an array or a picture (h, w, …); of a picture file from its header alone (`size` of the pool)."""
        size: Any = getattr(self.pool, "size", None)
        try:
            return tuple(size(self.item)) if size is not None else np.shape(self._content) if isinstance(self._content, np.ndarray) else None
        except (QueristError, OSError, KeyError):
            return None

    @cached_property
    def tokens(self) -> int | None:
        """Of a text."""
        try:
            return len(tokens_of(self._content)) if isinstance(self._content, str) else None
        except (QueristError, OSError, KeyError):
            return None

    @cached_property
    def _content(self) -> Any:
        return self.pool.load(self.item)

    def grids(self, dims: int) -> list[tuple[int, ...]]:
        """What may be its grid of pixels or voxels: every run of `dims` neighbouring axes (channels may come first or last). Empty if unknown."""
        shape = self.shape or ()
        return [shape[first : first + dims] for first in range(len(shape) - dims + 1)]

    def holds(self, box: Sequence[float]) -> bool:
        """Whether corners x1 y1 [z1] x2 y2 [z2] lie in one of its grids, within a pixel; True where nothing is known."""
        dims = len(box) // 2
        grids = self.grids(dims)
        low, high = box[:dims], box[dims:]
        return not grids or any(all(start >= -1.0 and end <= side + 1.0 for start, end, side in zip(low, high, reversed(grid), strict=True)) for grid in grids)
