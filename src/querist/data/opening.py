"""From what a user typed to a pool: a folder, a table, an array file, or the name of a data set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from querist.core.contracts import Pool
from querist.core.errors import PoolError, UsageError
from querist.core.spec import build
from querist.data.arrays import FilePool
from querist.data.datasets.named import NamedPool
from querist.data.datasets.registry import names
from querist.data.datasets.variants import base_name
from querist.data.folders import FolderPool
from querist.data.formats import TABLES
from querist.data.tables import TablePool

_ARRAYS = (".npy", ".npz")


def open_pool(source: str | os.PathLike[str] | Mapping[str, Any], **columns: Any) -> Pool:
    """The pool that a path, a name or a spec stands for, checked to be readable and not empty.

    Paths are made absolute, and the columns of a table are fixed as they are found now.

    Args:
        source: A folder of pictures, a `.csv`, `.tsv`, `.jsonl`, `.parquet`, `.npy` or `.npz` file, the name of a data set
            (a path of that name wins), or a pool's spec.
        columns: `id_column`, `text`, `image`, `features`, `root` of a table; `key` of a `.npz`.

    Raises:
        PoolError: if there is nothing of that name, it is of an unknown kind, empty, or has duplicate ids.
        UsageError: for options that this kind of pool does not have.
    """
    pool: Pool = build(source) if isinstance(source, Mapping) else _opened(os.fspath(source), columns)
    pool.ids()
    return pool


def _opened(source: str, columns: Mapping[str, Any]) -> Pool:
    path = Path(source).expanduser()
    if not path.exists():
        if base_name(source) in names():
            return NamedPool(source, **_only(columns, ("root",), "a named data set"))
        raise PoolError("there is no such folder, file or named data set", got=source, wanted="a path, or one of " + ", ".join(names()))
    path = path.resolve()
    if path.is_dir():
        _only(columns, (), "a folder")
        return FolderPool(str(path))
    if path.suffix.lower() in _ARRAYS:
        return FilePool(str(path), **_only(columns, ("key",), "an array file"))
    if path.suffix.lower() in TABLES:
        root = columns.get("root")
        options = {**columns, "root": None if root is None else str(Path(root).resolve())}
        return TablePool(str(path), **_only(options, ("id_column", "text", "image", "features", "root"), "a table")).resolved()
    wanted = ", ".join((*sorted(TABLES), *_ARRAYS))
    raise PoolError(f"{path} is no pool that can be read", got=path.suffix or "no ending", wanted=f"a folder of pictures or a file ending in {wanted}")


def _only(given: Mapping[str, Any], allowed: tuple[str, ...], kind: str) -> dict[str, Any]:
    options = {name: value for name, value in given.items() if value is not None}
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        raise UsageError(f"{kind} has no option {unknown[0]!r}", wanted=", ".join(allowed) or "no options")
    return options
