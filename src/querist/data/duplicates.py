"""Pool items that are also in a test set, byte for byte: they would be trained on and tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from querist.core.contracts import Pool
from querist.core.errors import PoolError, UnknownItemError
from querist.data.content import content_digest

_Locate = Callable[[str], Path | None]


def byte_equal(pool: Pool, other: Pool) -> tuple[str, ...]:
    """Ids of the pool's items that equal an item of the other pool.

    Items in files are compared by file content, and only files of equal size are read; other items by loaded content.
    Items that cannot be read equal nothing.

    Args:
        pool: The pool to search.
        other: The held-out items.

    Returns:
        Ids of `pool`, in its order.
    """
    mine, theirs = _locator(pool), _locator(other)
    if mine is not None and theirs is not None:
        return _equal_files(pool, mine, other, theirs)
    held = {digest for _, digest in _contents(other)}
    return tuple(item_id for item_id, digest in _contents(pool) if digest in held)


def _equal_files(pool: Pool, mine: _Locate, other: Pool, theirs: _Locate) -> tuple[str, ...]:
    by_size: dict[int, list[Path]] = {}
    for _, path, size in _files(other, theirs):
        by_size.setdefault(size, []).append(path)
    hashed: dict[int, set[str]] = {}
    equal = []
    for item_id, path, size in _files(pool, mine):
        if size in by_size:
            if size not in hashed:
                hashed[size] = {_hash(found) for found in by_size[size]}
            if _hash(path) in hashed[size]:
                equal.append(item_id)
    return tuple(equal)


def _locator(pool: Pool) -> _Locate | None:
    locate: _Locate | None = getattr(pool, "file", None)
    if locate is None:
        return None
    for item_id in pool.ids():  # a table may keep its content inside; its first readable row tells
        try:
            return locate if locate(item_id) is not None else None
        except (PoolError, UnknownItemError):
            continue
    return None


def _files(pool: Pool, locate: _Locate) -> Iterator[tuple[str, Path, int]]:
    for item_id in pool.ids():
        try:
            path = locate(item_id)
            if path is not None:
                yield item_id, path, path.stat().st_size
        except (PoolError, UnknownItemError, OSError):
            continue


def _contents(pool: Pool) -> Iterator[tuple[str, str]]:
    for item_id in pool.ids():
        try:
            yield item_id, content_digest(pool.load(item_id))
        except (PoolError, UnknownItemError):
            continue


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
