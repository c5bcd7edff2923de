"""Rows on disk that only ever grow: the features that an encoder has computed so far.

Two files: `rows.bin` (fixed-size records) and `ids.txt` (one line each, written after its record). After a crash the
longer one is cut to the shorter, so what is there is whole. Several processes may write: one at a time, each taking up
first what the others have added.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import BusyError

PATIENCE = 60.0
"""Seconds to wait for another process that is writing."""


class Rows:
    """An append-only table id → array of one shape and type.

    Args:
        folder: Where the files are; made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._row_of: dict[str, int] = {}
        self._end = 0  # bytes of ids.txt that have been read
        self._map: NDArray[np.generic] | None = None
        self._kind: tuple[str, tuple[int, ...]] | None = None
        if (folder / "rows.bin").is_file():
            with self._alone():
                self._catch_up()

    def __len__(self) -> int:
        return len(self._row_of)

    def __contains__(self, item: str) -> bool:
        return item in self._row_of

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Shape of one row, None while there is none."""
        return None if self._kind is None else self._kind[1]

    @property
    def ids(self) -> list[str]:
        """Ids in the order in which they came."""
        return list(self._row_of)

    def append(self, ids: Sequence[str], rows: NDArray[np.generic]) -> None:
        """Add rows; ids that are there already are left alone."""
        if all(item in self._row_of for item in ids):
            return
        with self._alone():
            self._catch_up()
            fresh = {item: place for place, item in enumerate(ids) if item not in self._row_of}
            if self._kind is None:
                self._kind = (rows.dtype.str, tuple(rows.shape[1:]))
                part = self._folder / "shape.part"
                part.write_text(json.dumps({"dtype": self._kind[0], "shape": list(self._kind[1])}), encoding="utf-8")
                part.replace(self._folder / "shape.json")
            with (self._folder / "rows.bin").open("ab") as file:
                file.write(np.ascontiguousarray(rows[list(fresh.values())], dtype=self._kind[0]).tobytes())
            lines = b"".join(json.dumps(item).encode() + b"\n" for item in fresh)
            with (self._folder / "ids.txt").open("ab") as file:
                file.write(lines)
            for item in fresh:
                self._row_of[item] = len(self._row_of)
            self._end += len(lines)
            self._map = None

    def take(self, ids: Sequence[str]) -> NDArray[np.generic]:
        """Rows (n, …) in the order of ids; KeyError for one that is not there."""
        rows = np.fromiter((self._row_of[item] for item in ids), dtype=np.int64, count=len(ids))
        if self._kind is None or not self._row_of:
            raise KeyError("no rows")
        if self._map is None:
            self._map = np.memmap(self._folder / "rows.bin", dtype=self._kind[0], mode="r", shape=(len(self._row_of), *self._kind[1]))
        return np.asarray(self._map[rows])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Exclusive among processes. SQLite's file lock is the portable one, and ends with a process that is killed."""
        with closing(sqlite3.connect(self._folder / "lock", timeout=PATIENCE, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                raise BusyError(f"cannot write to {self._folder}: {error}", wanted="no other process that has been writing there for a minute") from error
            yield

    def _catch_up(self) -> None:
        """Take up what other processes have added, and cut off what a killed one left half done."""
        data, names = self._folder / "rows.bin", self._folder / "ids.txt"
        data.touch()
        names.touch()
        self._kind = self._kind or _kind(self._folder / "shape.json")
        size = 1 if self._kind is None else int(np.dtype(self._kind[0]).itemsize * np.prod(self._kind[1], dtype=np.int64))
        if data.stat().st_size < len(self._row_of) * size or names.stat().st_size < self._end:  # somebody emptied the folder
            self._row_of, self._end = {}, 0
        with names.open("rb") as file:
            file.seek(self._end)
            text = file.read()
        lines = text[: text.rfind(b"\n") + 1].splitlines(keepends=True)
        whole = 0 if self._kind is None else min(len(lines), data.stat().st_size // size - len(self._row_of))
        for line in lines[:whole]:
            self._row_of[json.loads(line)] = len(self._row_of)
            self._end += len(line)
        os.truncate(data, len(self._row_of) * size)
        os.truncate(names, self._end)
        self._map = None


def _kind(file: Path) -> tuple[str, tuple[int, ...]] | None:
    """Type and shape of the records, None where they cannot be told."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return str(kept["dtype"]), tuple(kept["shape"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
