"""Feature columns of a table as one float32 matrix (n, d). What is missing or no number becomes NaN."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import PoolError
from querist.core.optional import require
from querist.data.formats import count, is_parquet, parquet, rows

Matrix = NDArray[np.float32]
_LARGEST = float(np.finfo(np.float32).max)


def matrix(path: Path, columns: Sequence[str]) -> Matrix:
    """Features of all rows.

    Args:
        path: The table.
        columns: Columns of numbers or of vectors (lists of one length), set side by side.

    Returns:
        (n, d) float32 in the order of the file. A row whose vector has another length is all NaN.

    Raises:
        PoolError: if no row tells the length of a column's vectors.
    """
    if is_parquet(path):
        return _from_parquet(path, list(columns))
    values = [[row.get(name) for name in columns] for _, row in rows(path)]
    blocks = [_from_values([row[position] for row in values], _width([row[position] for row in values])) for position in range(len(columns))]
    return np.concatenate(blocks, axis=1)


def _from_parquet(path: Path, columns: list[str]) -> Matrix:
    file = parquet(path)
    widths = {name: _parquet_width(path, name, file.schema_arrow.field(name).type) for name in columns}
    out = np.empty((count(path), sum(width or 1 for width in widths.values())), dtype=np.float32)
    start = 0
    for batch in file.iter_batches(batch_size=65536, columns=columns):  # batch by batch: two copies of a large table may not fit
        left = 0
        for name, width in widths.items():
            block = _from_arrow(batch.column(name), width)
            out[start : start + len(block), left : left + block.shape[1]] = block
            left += block.shape[1]
        start += batch.num_rows
    return out


def _parquet_width(path: Path, name: str, kind: Any) -> int | None:
    types = require("pyarrow.types", by="reading Parquet")
    if types.is_fixed_size_list(kind):
        return int(kind.list_size)
    if not (types.is_list(kind) or types.is_large_list(kind)):
        return None
    for batch in parquet(path).iter_batches(batch_size=1024, columns=[name]):
        width = _width(batch.column(0).to_pylist())
        if width:
            return width
    raise PoolError(f"no row of {path} holds a vector in column {name!r}", wanted="a list of numbers per row")


def _from_arrow(values: Any, width: int | None) -> Matrix:
    if width is None:
        return _floats(values).reshape(-1, 1)
    flat = values.flatten()
    lengths_agree = hasattr(values.type, "list_size") or values.value_lengths().unique().to_pylist() == [width]
    if values.null_count == 0 and lengths_agree:
        return _floats(flat).reshape(len(values), width)
    return _from_values(values.to_pylist(), width)


def _floats(values: Any) -> Matrix:
    try:
        with np.errstate(over="ignore"):
            return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float32)
    except (TypeError, ValueError):
        return np.array([_number(value) for value in values.to_pylist()], dtype=np.float32)


def _width(values: Sequence[Any]) -> int | None:
    return next((len(value) for value in values if isinstance(value, list) and value), None)


def _from_values(values: Sequence[Any], width: int | None) -> Matrix:
    if width is None:
        return np.array([[_number(value)] for value in values], dtype=np.float32).reshape(-1, 1)
    out = np.full((len(values), width), np.nan, dtype=np.float32)
    for row, vector in enumerate(values):
        if isinstance(vector, list) and len(vector) == width:
            out[row] = [_number(value) for value in vector]
    return out


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return float("nan")
    return float("inf") if abs(number) > _LARGEST else number  # beyond float32 is infinite, without a warning
