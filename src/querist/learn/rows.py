"""Rows on disk that only ever grow: the features that an encoder has computed so far.

Two files: `rows.bin` (fixed-size records) and `ids.txt` (one line each, written after its record). After a crash the
longer one is cut to the shorter, so what is there is whole.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Rows:
    """An append-only table id → array of one shape and type.

    Args:
        folder: Where the files are; made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._row_of: dict[str, int] = {}
        self._map: NDArray[np.generic] | None = None
        shape = folder / "shape.json"
        self._kind: tuple[str, tuple[int, ...]] | None = None
        if shape.is_file():
            kept = json.loads(shape.read_text(encoding="utf-8"))
            self._kind = (kept["dtype"], tuple(kept["shape"]))
            self._recover()

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
        fresh = [place for place, item in enumerate(ids) if item not in self._row_of]
        if not fresh:
            return
        if self._kind is None:
            self._kind = (rows.dtype.str, tuple(rows.shape[1:]))
            (self._folder / "shape.json").write_text(json.dumps({"dtype": self._kind[0], "shape": list(self._kind[1])}), encoding="utf-8")
        with (self._folder / "rows.bin").open("ab") as file:
            file.write(np.ascontiguousarray(rows[fresh], dtype=self._kind[0]).tobytes())
        with (self._folder / "ids.txt").open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(ids[place]) + "\n" for place in fresh)
        for place in fresh:
            self._row_of[ids[place]] = len(self._row_of)
        self._map = None

    def take(self, ids: Sequence[str]) -> NDArray[np.generic]:
        """Rows (n, …) in the order of ids; KeyError for one that is not there."""
        if self._kind is None:
            raise KeyError(ids[0] if ids else "no rows")
        if self._map is None:
            self._map = np.memmap(self._folder / "rows.bin", dtype=self._kind[0], mode="r").reshape(-1, *self._kind[1])
        rows = np.fromiter((self._row_of[item] for item in ids), dtype=np.int64, count=len(ids))
        return np.asarray(self._map[rows])

    def _recover(self) -> None:
        if self._kind is None:
            return
        size = int(np.dtype(self._kind[0]).itemsize * np.prod(self._kind[1], dtype=np.int64))
        data, names = self._folder / "rows.bin", self._folder / "ids.txt"
        text = names.read_bytes() if names.is_file() else b""
        lines = text[: text.rfind(b"\n") + 1].decode().splitlines()
        whole = min(len(lines), (data.stat().st_size // size) if data.is_file() else 0)
        kept = lines[:whole]
        if data.is_file():
            with data.open("r+b") as file:
                file.truncate(whole * size)
        names.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        self._row_of = {json.loads(line): place for place, line in enumerate(kept)}
