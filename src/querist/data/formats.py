"""Rows and columns of CSV, TSV, JSONL and Parquet files, with messages that name the line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from querist.core.errors import PoolError
from querist.core.optional import require

TABLES: Final = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"})

Row = Mapping[str, Any]


def is_parquet(path: Path) -> bool:
    """Whether a path is read as Parquet."""
    return path.suffix.lower() == ".parquet"


def checked(path: Path) -> Path:
    """The path, if it is a table that is there.

    Raises:
        PoolError: if its ending is unknown or there is no such file.
    """
    if path.suffix.lower() not in TABLES:
        raise PoolError(f"{path} is no table that can be read", got=path.suffix or "no ending", wanted=", ".join(sorted(TABLES)))
    if not path.is_file():
        raise PoolError("there is no such file", got=path, wanted="a CSV, JSONL or Parquet file")
    return path


def names(path: Path) -> tuple[str, ...]:
    """Names of the columns (of a JSONL file: of its first 200 rows), in the order of the file."""
    if is_parquet(path):
        return tuple(parquet(path).schema_arrow.names)
    if _is_csv(path):
        with _open(path) as lines:
            return _header(path, csv.reader(lines, delimiter=_delimiter(path)))
    return tuple(dict.fromkeys(name for _, row in _limited(rows(path), 200) for name in row))


def head(path: Path, n: int = 200) -> dict[str, list[Any]]:
    """The first n rows, column by column."""
    columns = names(path)
    first = [row for _, row in _limited(rows(path), n)]
    return {name: [row.get(name) for row in first] for name in columns}


def rows(path: Path, columns: Sequence[str] | None = None) -> Iterator[tuple[int, Row]]:
    """The rows as mappings, each with its number: the line it ends in, or for Parquet the row from 1.

    Raises:
        PoolError: if the file is missing, of an unknown kind, or broken; the message names the line.
    """
    if is_parquet(checked(path)):
        return _parquet_rows(path, columns)
    return _csv_rows(path) if _is_csv(path) else _json_rows(path)


def column(path: Path, name: str) -> list[Any]:
    """All values of one column; only that column of a Parquet file is read."""
    if is_parquet(path):
        return parquet(path).read(columns=[name]).column(0).to_pylist()  # type: ignore[no-any-return]
    return [row.get(name) for _, row in rows(path)]


def count(path: Path) -> int:
    """Number of rows."""
    return int(parquet(path).metadata.num_rows) if is_parquet(path) else sum(1 for _ in rows(path))


def lines(path: Path) -> Iterator[str]:
    """The lines of a text table without their ends, for hashing."""
    with _open(path) as found:
        for line in found:
            yield line.rstrip("\r\n")


def parquet(path: Path) -> Any:
    """The open Parquet file, as pyarrow gives it."""
    module = require("pyarrow.parquet", by="reading Parquet")
    try:
        return module.ParquetFile(checked(path))
    except (OSError, ValueError) as error:
        raise PoolError(f"cannot read {path}: {error}", wanted="a Parquet file") from error


def _open(path: Path) -> Any:
    try:
        return path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise PoolError(f"cannot open {path}: {error.strerror}") from error


def _is_csv(path: Path) -> bool:
    return path.suffix.lower() in (".csv", ".tsv")


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _header(path: Path, reader: Any) -> tuple[str, ...]:
    header = tuple(name.strip() for name in next(reader, ()))
    if not header:
        raise PoolError(f"{path} is empty", wanted="a first line with the names of the columns")
    twice = [name for number, name in enumerate(header) if name in header[:number]]
    if twice:
        raise PoolError(f"{path} has two columns of one name", got=repr(twice[0]), wanted="distinct names in line 1")
    return header


def _csv_rows(path: Path) -> Iterator[tuple[int, Row]]:
    with _open(path) as text:
        reader = csv.reader(text, delimiter=_delimiter(path), strict=True)
        try:
            header = _header(path, reader)
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise PoolError(f"{path}, line {reader.line_num} has another number of cells than the header", got=len(cells), wanted=len(header))
                yield reader.line_num, dict(zip(header, cells, strict=True))
        except csv.Error as error:
            raise PoolError(f"{path}, line {reader.line_num} is not valid CSV: {error}", hint="Long or binary texts fit JSONL or Parquet better.") from error
        except UnicodeDecodeError as error:
            raise PoolError(f"{path} is not UTF-8 after line {reader.line_num}: {error.reason}", hint="Save the table as UTF-8.") from error


def _json_rows(path: Path) -> Iterator[tuple[int, Row]]:
    number = 0
    with _open(path) as text:
        try:
            for number, line in enumerate(text, 1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise PoolError(f"{path}, line {number} is no JSON object", got=line.strip(), wanted='{"column": value, …}')
                yield number, row
        except json.JSONDecodeError as error:
            raise PoolError(f"{path}, line {number} is not valid JSON: {error.msg} at column {error.colno}", wanted="one JSON object a line") from error
        except UnicodeDecodeError as error:
            raise PoolError(f"{path} is not UTF-8 after line {number}: {error.reason}", hint="Save the file as UTF-8.") from error


def _parquet_rows(path: Path, columns: Sequence[str] | None) -> Iterator[tuple[int, Row]]:
    number = 0
    for batch in parquet(path).iter_batches(batch_size=4096, columns=None if columns is None else list(columns)):
        for row in batch.to_pylist():
            number += 1
            yield number, row


def _limited(found: Iterator[tuple[int, Row]], n: int) -> Iterator[tuple[int, Row]]:
    for seen, item in enumerate(found, 1):
        yield item
        if seen == n:
            return
