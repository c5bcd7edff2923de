"""Map-style data sets of other libraries as pools: any torch `Dataset`, any Hugging Face `Dataset`."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from querist.core.contracts import Input
from querist.core.errors import PoolError, QueristError
from querist.data.content import as_input, content_digest
from querist.data.detect import detect
from querist.data.index import index, row_numbers

_SAMPLED: Final = 256  # items whose content enters the fingerprint: decoding a whole data set would take as long as training on it


class _MapPool(ABC):
    """Rows of one or more map-style data sets, one after the other."""

    def __init__(self, dataset: Any, ids: Iterable[object] | None) -> None:
        self._parts: list[Any] = [dataset]
        self._index = index(row_numbers(0, len(dataset)) if ids is None else ids, "the data set")
        self._check_length()

    @abstractmethod
    def _content(self, item: Any) -> Any:
        """The part of a data set's item that is the input."""

    def ids(self) -> Sequence[str]:
        """All ids, in canonical order."""
        return self._index.ids

    def __len__(self) -> int:
        return len(self._index.ids)

    def load(self, item_id: str) -> Input:
        """One input. PoolError if the data set raises on it or it has NaN or infinite values."""
        return self.take((item_id,))[0]

    def take(self, ids: Sequence[str]) -> list[Input]:
        """Many inputs in their order, by the data set's own batched access where it has one."""
        rows = self._index.rows(ids)
        starts = np.cumsum([0, *map(len, self._parts)])
        which = np.searchsorted(starts, rows, side="right") - 1
        found: dict[int, Any] = {}
        for part in np.unique(which):
            mine = np.unique(rows[which == part])
            found.update(zip(mine.tolist(), self._items(self._parts[part], (mine - starts[part]).tolist(), ids), strict=True))
        return [as_input(found[row], item_id) for row, item_id in zip(rows.tolist(), ids, strict=True)]

    def _items(self, dataset: Any, rows: list[int], ids: Sequence[str]) -> list[Any]:
        try:
            items = dataset.__getitems__(rows) if hasattr(dataset, "__getitems__") else [dataset[row] for row in rows]
            return [self._content(item) for item in items]
        except QueristError:
            raise
        except Exception as error:  # somebody else's code: whatever it raises concerns these items only
            raise PoolError(f"the data set cannot give item {ids[0]!r}: {type(error).__name__}: {error}") from error

    def fingerprint(self) -> str:
        """Hex digest of all ids and of the content of up to 256 evenly spaced items."""
        digest = hashlib.sha256("\0".join(self._index.by_row).encode())
        for row in np.unique(np.linspace(0, len(self) - 1, _SAMPLED).astype(int)):
            digest.update(self._digest_of(self._index.by_row[row]).encode())
        return digest.hexdigest()

    def _digest_of(self, item_id: str) -> str:
        try:
            return content_digest(self.load(item_id))
        except PoolError:
            return "unreadable"

    def _append(self, dataset: Any, ids: Iterable[object] | None) -> Sequence[str]:
        new = index(row_numbers(len(self), len(self) + len(dataset)) if ids is None else ids, "the new data set")
        joined = index((*self._index.by_row, *new.by_row), "the pool with the new items")
        if len(new.ids) != len(dataset):
            raise PoolError("the new data set needs one id per item", got=f"{len(new.ids)} ids for {len(dataset)} items")
        self._parts.append(dataset)
        self._index = joined
        return new.ids

    def _check_length(self) -> None:
        if len(self._index.ids) != len(self._parts[0]):
            raise PoolError("the data set needs one id per item", got=f"{len(self)} ids for {len(self._parts[0])} items")


class TorchPool(_MapPool):
    """Any map-style torch `Dataset`. Of `(input, label, …)` tuples only the input is used.

    Loading must be pure: give the data set without random augmentation.

    Args:
        dataset: Something with `__len__` and `__getitem__`.
        ids: One id per item; row numbers by default.
    """

    def __init__(self, dataset: Any, ids: Iterable[object] | None = None) -> None:
        super().__init__(dataset, ids)

    def _content(self, item: Any) -> Any:
        return item[0] if isinstance(item, tuple | list) else item

    def extend(self, items: Any) -> Sequence[str]:
        """Append another data set, or a pair (data set, ids); returns the new ids."""
        dataset, ids = items if isinstance(items, tuple) else (items, None)
        return self._append(dataset, ids)


class HFPool(_MapPool):
    """Any Hugging Face `Dataset`. Label columns are never decoded.

    Args:
        dataset: A `datasets.Dataset`.
        columns: The column that is the input, or a mapping modality → column; found from the data by default.
        id_column: Column of ids; by default `id` if there is one, else row numbers.
    """

    def __init__(self, dataset: Any, columns: str | Mapping[str, str] | None = None, id_column: str | None = None) -> None:
        self._id_column = id_column or ("id" if "id" in dataset.column_names else None)
        self._columns: Mapping[str, str] | str = columns or _found(dataset, self._id_column)
        super().__init__(self._inputs(dataset), self._ids_of(dataset))

    def _content(self, item: Any) -> Any:
        if isinstance(self._columns, str):
            return item[self._columns]
        return {name: item[column] for name, column in self._columns.items()}

    def extend(self, items: Any) -> Sequence[str]:
        """Append another data set with the same columns; returns the new ids."""
        return self._append(self._inputs(items), self._ids_of(items))

    def _inputs(self, dataset: Any) -> Any:
        wanted = [self._columns] if isinstance(self._columns, str) else list(self._columns.values())
        missing = [name for name in (*wanted, self._id_column) if name is not None and name not in dataset.column_names]
        if missing:
            raise PoolError(f"the data set has no column {missing[0]!r}", wanted=", ".join(dataset.column_names))
        return dataset.select_columns(list(dict.fromkeys(wanted)))

    def _ids_of(self, dataset: Any) -> list[object] | None:
        return None if self._id_column is None else list(dataset[self._id_column])


def _found(dataset: Any, id_column: str | None) -> str | Mapping[str, str]:
    features = dataset.features
    pictures = [name for name in dataset.column_names if type(features[name]).__name__ == "Image"]
    if pictures:
        return str(pictures[0])
    names = [name for name in dataset.column_names if name != id_column and type(features[name]).__name__ != "ClassLabel"]
    content = detect(dataset.select_columns(names)[:200] if names else {}, "the data set")
    if content.features is None:
        return str(content.text or content.image)
    if len(content.features) > 1:
        raise PoolError("the data set has several columns of numbers", got=", ".join(content.features), wanted="columns={name: column, …}")
    return content.features[0]
