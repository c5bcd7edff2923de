"""Pools of array rows: in memory, as a memmap, or in a `.npy` / `.npz` file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from querist.core.errors import PoolError, UsageError
from querist.data.index import Index, index, row_numbers

_CHUNK = 1 << 24  # bytes hashed at once: a memmap is never copied whole


class ArrayPool:
    """Rows of one array. A `np.memmap` stays on disk.

    Args:
        x: Array (n, …) of numbers or texts, rows of any shape.
        ids: One id per row; the row numbers as texts by default.

    Raises:
        PoolError: if it is empty, has no rows, holds Python objects, or ids are missing or come twice.
    """

    def __init__(self, x: ArrayLike, ids: Iterable[object] | None = None) -> None:
        first = _rows_of(x)
        self._parts: list[NDArray[Any]] = [first]
        self._numbered = ids is None
        self._index = _indexed(row_numbers(0, len(first)) if ids is None else list(ids), len(first))

    def ids(self) -> Sequence[str]:
        """All ids, in canonical order."""
        return self._index.ids

    def __len__(self) -> int:
        return len(self._index.ids)

    def load(self, item_id: str) -> NDArray[Any]:
        """One row. PoolError if it holds NaN or infinite values."""
        return self.take((item_id,))[0]  # type: ignore[no-any-return]

    def take(self, ids: Sequence[str]) -> NDArray[Any]:
        """The rows of many ids, stacked (len(ids), …), in their order.

        Raises:
            UnknownItemError: for an id that is not there.
            PoolError: naming the first row with NaN or infinite values.
        """
        rows = self._index.rows(ids)
        taken = _gather(self._parts, rows)
        bad = bad_rows(taken)
        if len(bad):
            raise PoolError(f"item {ids[bad[0]]!r} (row {rows[bad[0]]}) has NaN or infinite values", wanted="finite numbers")
        return taken

    def fingerprint(self, first: int | None = None) -> str:
        """Hex digest of ids, shapes and content of all rows, or of the `first` rows (what an older, shorter pool had)."""
        count = len(self) if first is None else first
        digest = hashlib.sha256(repr((self._parts[0].dtype.str, self._parts[0].shape[1:], count)).encode())
        digest.update("\0".join(self._index.by_row[:count]).encode())
        for part in self._parts:
            _hash_rows(digest, part[: max(count, 0)])
            count -= len(part)
        return digest.hexdigest()

    def extend(self, items: Any) -> Sequence[str]:
        """Append rows.

        Args:
            items: An array (m, …) of the same row shape, which continues the row numbers, or a mapping id → row.

        Returns:
            The new ids, in canonical order.
        """
        if not isinstance(items, Mapping) and not self._numbered:
            raise UsageError("this pool has ids of its own, so new rows need theirs", wanted="a mapping of id to row")
        named = isinstance(items, Mapping)
        part = _rows_of(np.stack([np.asarray(row) for row in items.values()]) if named and items else [] if named else items)
        known = self._parts[0]
        if part.shape[1:] != known.shape[1:] or part.dtype.kind != known.dtype.kind:
            raise PoolError("new rows are of another shape or type", got=f"{part.shape[1:]} {part.dtype}", wanted=f"{known.shape[1:]} {known.dtype}")
        new = index(items if named else row_numbers(len(self), len(self) + len(part)), "the new rows")
        self._index = index((*self._index.by_row, *new.by_row), "the pool with the new rows")
        self._parts.append(part if known.dtype.kind == "U" else part.astype(known.dtype, copy=False))
        return new.ids


@dataclass(frozen=True)
class FilePool:
    """Rows of a `.npy` file (read as a memmap) or of one array of a `.npz` file.

    Attributes:
        path: The file.
        key: Which array of a `.npz`; needed if it holds several besides `ids`. An array `ids` in a `.npz` names the rows.
    """

    path: str
    key: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", os.fspath(self.path))

    @cached_property
    def _rows(self) -> ArrayPool:
        try:
            loaded = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise PoolError(f"cannot read the arrays of {self.path}: {error}", wanted="a .npy or .npz file without pickled objects") from error
        if isinstance(loaded, np.ndarray):
            return ArrayPool(loaded)
        with loaded:
            keys = [name for name in loaded.files if name != "ids"]
            if self.key is None and len(keys) != 1:
                raise PoolError(f"{self.path} holds {len(keys)} arrays", got=", ".join(keys), wanted="one array", hint="Name it with key=.")
            if (self.key or keys[0]) not in keys:
                raise PoolError(f"{self.path} has no array {self.key!r}", wanted=", ".join(keys))
            return ArrayPool(loaded[self.key or keys[0]], loaded["ids"].tolist() if "ids" in loaded.files else None)

    def ids(self) -> Sequence[str]:
        """All ids, in canonical order."""
        return self._rows.ids()

    def __len__(self) -> int:
        return len(self._rows)

    def load(self, item_id: str) -> NDArray[Any]:
        """One row."""
        return self._rows.load(item_id)

    def take(self, ids: Sequence[str]) -> NDArray[Any]:
        """The rows of many ids, stacked (len(ids), …)."""
        return self._rows.take(ids)

    def fingerprint(self, first: int | None = None) -> str:
        """Hex digest of ids, shapes and content."""
        return self._rows.fingerprint(first)

    def extend(self, items: Any = None) -> Sequence[str]:
        """Read the file again after rows were appended to it.

        Returns:
            The new ids.

        Raises:
            PoolError: if the rows that were there before are not the same any more.
        """
        if items is not None and Path(items).resolve() != Path(self.path).resolve():
            raise UsageError("this pool grows by its own file", got=items, wanted=self.path)
        before = self._rows
        after = FilePool(self.path, self.key)._rows
        if len(after) < len(before) or after.fingerprint(len(before)) != before.fingerprint():
            raise PoolError(f"{self.path} was changed, not appended to", got=f"{len(after)} rows", wanted=f"the same first {len(before)} rows, then new ones")
        self.__dict__["_rows"] = after
        known = set(before.ids())
        return tuple(item_id for item_id in after.ids() if item_id not in known)


def bad_rows(rows: NDArray[Any]) -> NDArray[np.int64]:
    """Positions of the rows with NaN or infinite values."""
    if rows.dtype.kind not in "fc":
        return np.empty(0, dtype=np.int64)
    finite = np.isfinite(rows)
    if finite.all():
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(~finite.reshape(len(rows), -1).all(axis=1))


def _rows_of(x: ArrayLike) -> NDArray[Any]:
    try:
        rows = np.asanyarray(x)
    except ValueError as error:
        raise PoolError(f"these rows are not one array: {error}", wanted="rows of one shape") from error
    if rows.dtype.kind not in "biufcU":
        raise PoolError("an array pool holds numbers or texts", got=f"dtype {rows.dtype}", wanted="a numeric or text array")
    if rows.ndim == 0 or len(rows) == 0:
        raise PoolError("the array holds no rows", got=f"shape {rows.shape}", wanted="(n, …) with n ≥ 1")
    return rows


def _indexed(ids: list[Any], n: int) -> Index:
    if len(ids) != n:
        raise PoolError("an array pool needs one id per row", got=f"{len(ids)} ids for {n} rows", wanted=f"{n} ids")
    return index(ids, "the array")


def _gather(parts: list[NDArray[Any]], rows: NDArray[np.int64]) -> NDArray[Any]:
    if len(parts) == 1:
        return np.asarray(parts[0][rows])
    starts = np.cumsum([0, *(len(part) for part in parts)])
    which = np.searchsorted(starts, rows, side="right") - 1
    out = np.empty((len(rows), *parts[0].shape[1:]), dtype=np.result_type(*parts))
    for number, part in enumerate(parts):
        mine = which == number
        out[mine] = part[rows[mine] - starts[number]]
    return out


def _hash_rows(digest: Any, rows: NDArray[Any]) -> None:
    if rows.dtype.kind == "U":  # the width of a text array is not content
        for text in rows.ravel():
            digest.update(f"{len(text)}:{text}".encode())
        return
    step = max(1, _CHUNK // max(1, rows[:1].nbytes))
    for start in range(0, len(rows), step):
        digest.update(np.ascontiguousarray(rows[start : start + step]))
