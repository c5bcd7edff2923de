"""Which row an id stands for. Every pool that keeps rows keeps one of these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import PoolError, UnknownItemError
from querist.core.order import canonical


@dataclass(frozen=True)
class Index:
    """Ids and rows, both ways. Build it with `index`.

    Attributes:
        ids: All ids in canonical order.
        by_row: All ids in the order of the rows.
        row_of: Row of each id.
    """

    ids: tuple[str, ...]
    by_row: tuple[str, ...]
    row_of: Mapping[str, int]

    def row(self, item_id: str) -> int:
        """The row of one id.

        Raises:
            UnknownItemError: if there is no such id.
        """
        try:
            return self.row_of[item_id]
        except KeyError:
            raise UnknownItemError("there is no such item in the pool", got=repr(item_id), wanted=f"one of {len(self.ids)} ids like {self.ids[0]!r}") from None

    def rows(self, item_ids: Sequence[str]) -> NDArray[np.int64]:
        """The rows of many ids, in their order."""
        return np.fromiter((self.row(item_id) for item_id in item_ids), dtype=np.int64, count=len(item_ids))


def index(ids: Iterable[object], source: str) -> Index:
    """The index of ids given in row order.

    Args:
        ids: One id per row: texts, or whole numbers that become texts.
        source: What the ids belong to, for messages.

    Raises:
        PoolError: if there are none, one is empty or of another type, or one comes twice.
    """
    by_row = tuple(item_id if type(item_id) is str else _text(item_id, row, source) for row, item_id in enumerate(ids))
    if not by_row:
        raise PoolError(f"{source} holds no items", got="0 items", wanted="at least one")
    row_of = dict(zip(by_row, range(len(by_row)), strict=True))
    if len(row_of) < len(by_row):
        first = next(item_id for row, item_id in enumerate(by_row) if row_of[item_id] != row)
        raise PoolError(f"{source} has the id {first!r} more than once", got=f"{len(by_row)} rows, {len(row_of)} distinct ids", wanted="one row per id")
    if "" in row_of:
        raise PoolError(f"{source} has an empty id in row {row_of['']}", wanted="a text of at least one character")
    return Index(tuple(canonical(by_row)), by_row, row_of)


def row_numbers(start: int, stop: int) -> list[str]:
    """The default ids of the rows from `start` up to `stop`."""
    return list(map(str, range(start, stop)))


def _text(item_id: object, row: int, source: str) -> str:
    if isinstance(item_id, str | int | np.integer) and not isinstance(item_id, bool):
        return str(item_id)
    raise PoolError(f"{source} has no usable id in row {row}", got=repr(item_id), wanted="a text or a whole number")
