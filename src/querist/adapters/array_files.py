"""Arrays in files, mapped into memory where the format allows it. Nothing is ever unpickled.

- `.npy`: the array, mapped.
- `.npz`: the array under the statistic's name or the only one; gradients as `residual` and `feature`; ids as `ids`.
- `.safetensors`: the same names, mapped.
- `.parquet`: the column of that name or the only one, of numbers or of lists of one length (nested for posterior samples), read batch by batch;
  several columns of numbers stand side by side; ids in `id`. `.csv`, `.tsv` and `.jsonl` alike.
- `.txt`: one id a line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from querist.acquire.array_view import MAPPED, empty
from querist.core.errors import PoolError
from querist.core.optional import require
from querist.data import formats
from querist.data.matrix import matrix

Found = tuple[Any, list[str] | None]
"""An array or a pair, and the ids that stand beside it, if any."""

PAIR: Final = ("residual", "feature")
_IDS: Final = ("ids", "id", "item")
_ENDINGS: Final = ".npy, .npz, .parquet, .safetensors, .csv, .jsonl"
_KINDS: Final[Mapping[str, str]] = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?",
}  # fmt: skip


def read_array(path: str, name: str, limit: int | None = None) -> Found:
    """A statistic of a file, and its ids if the file has them.

    Args:
        path: The file; see the module for the formats.
        name: The statistic; `gradients` is a pair.
        limit: Bytes above which what cannot be mapped goes to a temporary file.

    Raises:
        PoolError: if the file cannot be read or does not hold it.
    """
    file = _there(path)
    named = _named(file, limit)
    ids = next((named[key] for key in _IDS if key in named), None)
    values = {key: value for key, value in named.items() if key not in _IDS}
    if name == "gradients":
        if not set(PAIR) <= set(values):
            raise PoolError(f"{file} holds no gradients", got=", ".join(values) or "nothing", wanted="residual (n, c) and feature (n, d)")
        return tuple(_read(values[part]) for part in PAIR), _texts(ids)
    if name not in values and len(values) != 1 and file.suffix.lower() in formats.TABLES:
        return matrix(file, list(values)), _texts(ids)
    if name not in values and len(values) != 1:
        raise PoolError(f"{file} holds no {name}", got=", ".join(values) or "nothing", wanted=f"an array {name}, or one array alone")
    return _read(values[name] if name in values else next(iter(values.values()))), _texts(ids)


def read_items(path: str, name: str) -> Any:
    """Items of a file: a mask, features or ids of an array file, the column `id` of a table, the lines of a text.

    Raises:
        PoolError: if the file cannot be read or has no such column.
    """
    file = _there(path)
    if file.suffix.lower() == ".txt":
        try:
            return [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise PoolError(f"cannot read {file}: {error}", wanted="one id a line, in UTF-8") from error
    named = _named(file, None)
    keys = ("labels", "label", "value") if name == "labels" else (name, *_IDS)
    key = next((key for key in keys if key in named), next(iter(named)) if len(named) == 1 else None)
    if key is None:
        raise PoolError(f"{file} has no column {keys[-2]!r}", got=", ".join(named) or "nothing", wanted=" or ".join(keys))
    return formats.column(file, key) if file.suffix.lower() in formats.TABLES else _read(named[key])


def _there(path: str) -> Path:
    file = Path(path)
    if not file.is_file():
        raise PoolError("there is no such file", got=path, wanted=_ENDINGS)
    return file


def _named(file: Path, limit: int | None) -> dict[str, Any]:
    """Name → array, or something that reads it when it is called."""
    ending = file.suffix.lower()
    if ending in formats.TABLES:
        limit = MAPPED if limit is None else limit
        return {name: _Column(file, name, limit) for name in formats.names(file)}
    if ending == ".safetensors":
        return _safetensors(file, limit)
    if ending not in (".npy", ".npz"):
        raise PoolError(f"{file} is no file of arrays", got=ending or "no ending", wanted=_ENDINGS)
    try:
        loaded = np.load(file, mmap_mode="r", allow_pickle=False)
        if not hasattr(loaded, "files"):
            return {file.stem: loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError) as error:
        raise PoolError(f"cannot read {file}: {' '.join(str(error).split())}", wanted=f"a {ending} file without pickled objects") from error


class _Column:
    """A column of a table, read when it is called."""

    def __init__(self, file: Path, name: str, limit: int) -> None:
        self.file, self.name, self.limit = file, name, limit

    def __call__(self) -> NDArray[Any]:
        if not formats.is_parquet(self.file):
            return _squeezed(matrix(self.file, [self.name]))
        return _parquet(self.file, self.name, self.limit)


def _read(value: Any) -> Any:
    return value() if callable(value) else value


def _texts(ids: Any) -> list[str] | None:
    if ids is None:
        return None
    if isinstance(ids, _Column):
        return ["" if value is None else str(value) for value in formats.column(ids.file, ids.name)]
    return [str(value) for value in ids.tolist()]


def _squeezed(values: NDArray[Any]) -> NDArray[Any]:
    """A column of single numbers is (n,)."""
    return values[:, 0] if values.shape[1] == 1 else values


def _parquet(file: Path, name: str, limit: int) -> NDArray[Any]:
    """A column of numbers or of (nested) fixed-size lists: batches are written where they belong, in their own precision."""
    types, opened = require("pyarrow.types", by="reading Parquet"), formats.parquet(file)
    kind, shape = opened.schema_arrow.field(name).type, [int(opened.metadata.num_rows)]
    while types.is_fixed_size_list(kind):
        shape.append(int(kind.list_size))
        kind = kind.value_type
    if not (types.is_floating(kind) or types.is_integer(kind)):
        if types.is_list(kind) or types.is_large_list(kind):
            return matrix(file, [name])
        raise PoolError(f"column {name!r} of {file} holds no numbers", got=str(kind), wanted="numbers, or fixed-size lists of numbers")
    out = empty(tuple(shape), np.dtype(kind.to_pandas_dtype() if types.is_floating(kind) else np.float64), limit)
    start = 0
    for batch in opened.iter_batches(batch_size=65536 if len(shape) == 1 else max(1, (1 << 22) // max(1, int(np.prod(shape[1:])))), columns=[name]):
        values = batch.column(0)
        for _ in shape[1:]:
            if values.null_count:
                raise PoolError(
                    f"{file} has rows without {name}", got=f"a null among rows {start} … {start + batch.num_rows - 1}", wanted="a list in every row"
                )
            values = values.flatten()
        out[start : start + batch.num_rows] = values.to_numpy(zero_copy_only=False).reshape(batch.num_rows, *shape[1:])
        start += batch.num_rows
    return out


def _safetensors(file: Path, limit: int | None) -> dict[str, Any]:
    """The tensors of a file, mapped: eight bytes with the length of a JSON header, the header, the numbers."""
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= min(100 << 20, file.stat().st_size - 8):
                raise ValueError("its header is cut off")
            header: dict[str, Any] = json.loads(stream.read(length))
        found: dict[str, Any] = {}
        for name, entry in header.items():
            if name != "__metadata__":
                found[name] = _tensor(file, 8 + length, entry, limit)
        return found
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PoolError(f"cannot read {file}: {' '.join(str(error).split())}", wanted="a safetensors file") from error


def _tensor(file: Path, start: int, entry: Mapping[str, Any], limit: int | None) -> NDArray[Any]:
    kind, shape, (first, last) = np.dtype(_KINDS[entry["dtype"]]), tuple(map(int, entry["shape"])), entry["data_offsets"]
    if last - first != int(np.prod(shape, dtype=np.int64)) * kind.itemsize or start + last > file.stat().st_size:
        raise ValueError("its numbers are cut off")
    if 0 in shape:
        return np.empty(shape, dtype=kind)
    mapped = np.memmap(file, dtype=kind, mode="r", offset=start + first, shape=shape)
    if entry["dtype"] != "BF16":
        return mapped
    out = empty(shape, np.dtype(np.float32), MAPPED if limit is None else limit)
    for row in range(0, len(mapped), 4096):  # bfloat16 is the upper half of a float32
        out[row : row + 4096] = (mapped[row : row + 4096].astype(np.uint32) << 16).view(np.float32)
    return out


def same_ids(found: Sequence[tuple[str, list[str] | None]]) -> list[str] | None:
    """The ids of all files that have some.

    Raises:
        PoolError: if two files have other ids, or the same in another order.
    """
    having = [(file, ids) for file, ids in found if ids is not None]
    if not having:
        return None
    first, wanted = having[0]
    for file, ids in having[1:]:
        if ids != wanted:
            row = next((row for row, pair in enumerate(zip(ids, wanted, strict=False)) if pair[0] != pair[1]), min(len(ids), len(wanted)))
            raise PoolError(f"{first} and {file} do not have the same ids in the same order", got=f"a difference in row {row}", wanted="one order")
    return wanted
