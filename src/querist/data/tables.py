"""CSV, JSONL and Parquet tables as pools of texts, pictures, feature vectors, or several of these."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from querist.core.contracts import Input
from querist.core.errors import PoolError, UsageError
from querist.data import formats
from querist.data.arrays import bad_rows
from querist.data.detect import Content, detect
from querist.data.images import read_image
from querist.data.index import Index, index, row_numbers
from querist.data.matrix import matrix


@dataclass(frozen=True)
class TablePool:
    """Rows of a table. Columns with labels are not read.

    With one kind of content an item is that content; with several it is a mapping with the keys `text`, `image`, `features`.
    Columns that are not named are found by `detect`; name one and only the named ones count.

    Attributes:
        path: A `.csv`, `.tsv`, `.jsonl` or `.parquet` file.
        id_column: Column of ids; by default `id` if there is one, else row numbers (then the file may only be appended to).
        text: Column of texts.
        image: Column of paths relative to `root`, or of encoded pictures.
        features: Column of vectors, or columns of numbers; they become one float32 vector.
        root: Folder of the picture paths; by default the folder of the table.
    """

    path: str
    id_column: str | None = None
    text: str | None = None
    image: str | None = None
    features: str | tuple[str, ...] | None = None
    root: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", os.fspath(self.path))

    def ids(self) -> Sequence[str]:
        """All ids, in canonical order. Reads the id column only."""
        return self._index.ids

    def row_ids(self) -> Sequence[str]:
        """All ids, in the order of the rows."""
        return self._index.by_row

    def __len__(self) -> int:
        return len(self._index.ids)

    def load(self, item_id: str) -> Input:
        """The content of one row. PoolError if a text is missing, a picture broken, a number missing or infinite."""
        row = self._index.row(item_id)
        parts = {name: self._part(name, row, item_id) for name in self._columns}
        return parts if len(parts) > 1 else next(iter(parts.values()))

    def modality(self, item_id: str, name: str) -> Input | None:
        """One part of a row: `text`, `image` or `features`; None where its cell is empty. PoolError if it is broken or there is no such column."""
        if name not in self._columns:
            raise PoolError(f"{self.path} has no {name}", got=", ".join(self._columns), wanted="a column for it")
        row = self._index.row(item_id)
        value = self._columns[name][row]
        empty = bool(np.isnan(value).all()) if name == "features" else value is None or (isinstance(value, str) and not value.strip())
        return None if empty else self._part(name, row, item_id)

    def take(self, ids: Sequence[str]) -> Any:
        """Many items in their order: features stacked (len(ids), d), anything else as a list."""
        if list(self._columns) != ["features"]:
            return [self.load(item_id) for item_id in ids]
        taken = self._columns["features"][self._index.rows(ids)]
        for position in bad_rows(taken)[:1]:
            self.load(ids[position])
        return taken

    def file(self, item_id: str) -> Path | None:
        """The picture file of an item, or None if its content is inside the table."""
        if "image" not in self._columns:
            return None
        value = self._columns["image"][self._index.row(item_id)]
        return self._picture_path(value) if isinstance(value, str) else None

    def resolved(self, *, leaving_out: Sequence[str] = ()) -> TablePool:
        """The same pool with all columns written out, so that later rows cannot change what was detected.

        Args:
            leaving_out: Columns that are not content, whatever they look like.
        """
        found = self._detected(leaving_out)
        return replace(self, id_column=self._id_column, text=found.text, image=found.image, features=found.features)

    def fingerprint(self, first: int | None = None) -> str:
        """Hex digest of all rows, or of the `first` rows: what the file had when it held no more."""
        return _hash_parquet(self, first) if formats.is_parquet(Path(self.path)) else _hash_lines(Path(self.path), first)

    def extend(self, items: Any = None) -> Sequence[str]:
        """Read the file again after rows were appended.

        Args:
            items: None or the file itself.

        Returns:
            The new ids, in canonical order.

        Raises:
            PoolError: if rows that were there before are gone or, where row numbers are ids, not the same any more.
        """
        if items is not None and Path(items).resolve() != Path(self.path).resolve():
            raise UsageError("a table pool grows by rows appended to its file", got=items, wanted=self.path)
        before, prefix = self._index, self._prefix
        after = replace(self)
        missing = next((item_id for item_id in before.ids if item_id not in after._index.row_of), None)
        if missing is not None:
            raise PoolError(f"{self.path} no longer has the row {missing!r}", wanted="all rows that were there, then new ones")
        if prefix is not None and after.fingerprint(len(before.ids)) != prefix:
            raise PoolError(f"the first {len(before.ids)} rows of {self.path} have changed", wanted="new rows at the end only", hint="Add a column `id`.")
        self.__dict__.clear()
        self.__dict__.update(after.__dict__)
        return tuple(item_id for item_id in self.ids() if item_id not in before.row_of)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return formats.names(formats.checked(Path(self.path)))

    @cached_property
    def _id_column(self) -> str | None:
        return self._named(self.id_column) if self.id_column is not None else ("id" if "id" in self._names else None)

    @cached_property
    def _index(self) -> Index:
        path = formats.checked(Path(self.path))
        if self._id_column is not None:
            return index(formats.column(path, self._id_column), self.path)
        _ = self._prefix  # remembered now, while the rows are those that are numbered
        return index(row_numbers(0, formats.count(path)), self.path)

    @cached_property
    def _prefix(self) -> str | None:
        return self.fingerprint() if self._id_column is None else None

    @cached_property
    def _content(self) -> Content:
        return self._detected(())

    def _detected(self, leaving_out: Sequence[str]) -> Content:
        if self.text is None and self.image is None and self.features is None:
            head = formats.head(formats.checked(Path(self.path)))
            if not any(head.values()):
                raise PoolError(f"{self.path} holds no items", got="0 rows", wanted="at least one")
            return detect({name: values for name, values in head.items() if name not in (self._id_column, *leaving_out)}, self.path)
        features = (self.features,) if isinstance(self.features, str) else self.features
        for name in (self.text, self.image, *(features or ())):
            self._named(name)
        return Content(self.text, self.image, None if features is None else tuple(features))

    @cached_property
    def _columns(self) -> dict[str, Any]:
        path, found = Path(self.path), self._content
        columns: dict[str, Any] = {}
        if found.text is not None:
            columns["text"] = formats.column(path, found.text)
        if found.image is not None:
            columns["image"] = formats.column(path, found.image)
        if found.features is not None:
            columns["features"] = matrix(path, found.features)
        return columns

    def _named(self, name: str | None) -> str | None:
        if name is not None and name not in self._names:
            raise PoolError(f"{self.path} has no column {name!r}", wanted=", ".join(self._names))
        return name

    def _picture_path(self, value: str) -> Path:
        return Path(self.root if self.root is not None else Path(self.path).parent, value)

    def _part(self, name: str, row: int, item_id: str) -> Input:
        value = self._columns[name][row]
        if name == "features":
            for bad in bad_rows(value[:, None])[:1]:
                column = self._content.features[min(int(bad), len(self._content.features) - 1)] if self._content.features else name
                raise PoolError(f"item {item_id!r} (row {row}) has NaN, infinite or missing values in column {column!r}", wanted="finite numbers")
            return value.copy()
        if name == "text":
            if not isinstance(value, str) or not value.strip():
                raise PoolError(f"item {item_id!r} (row {row}) has no text", got=repr(value), wanted=f"a text in column {self._content.text!r}")
            return value
        encoded = value.get("bytes") if isinstance(value, dict) else value
        if isinstance(encoded, str) and encoded:
            return read_image(self._picture_path(encoded), encoded)
        if not isinstance(encoded, bytes):
            raise PoolError(f"item {item_id!r} (row {row}) has no picture", got=repr(value), wanted=f"a path in column {self._content.image!r}")
        return read_image(encoded, item_id)


def _hash_lines(path: Path, first: int | None) -> str:
    last: int | None = None
    if first is not None:
        last = 0
        for number, (line, _) in enumerate(formats.rows(path), 1):
            last = line
            if number == first:
                break
    digest = hashlib.sha256()
    for number, text in enumerate(formats.lines(path), 1):
        if last is not None and number > last:
            break
        if text.strip():  # blank lines are no rows: a trailing one must not hide that rows were only appended
            digest.update(text.encode() + b"\n")
    return digest.hexdigest()


def _hash_parquet(pool: TablePool, first: int | None) -> str:
    """Hashed by value: row groups and compression leave no trace, so a file written again with more rows keeps its prefix."""
    digest = hashlib.sha256()
    parts: dict[str, Any] = {} if pool._id_column is None else {"id": formats.column(Path(pool.path), pool._id_column)}
    for name, values in {**parts, **pool._columns}.items():
        digest.update(f"{name}:{len(values[:first])}:".encode())
        if name == "features":
            digest.update(np.ascontiguousarray(values[:first]).data)
        else:
            for text in map(repr, values[:first]):
                digest.update(f"{len(text)}:{text}".encode())
    return digest.hexdigest()
