"""What the browser gets to see of an item: a picture, a text, or a list of named parts."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np

from querist.core.contracts import Pool
from querist.core.errors import PoolError, UnknownItemError
from querist.web.png import as_pixels, png

SHOWN_BY_BROWSERS: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"})
_NUMBERS: Final = 400


@dataclass(frozen=True, slots=True)
class Content:
    """A body and its media type."""

    body: bytes
    media: str


@runtime_checkable
class HasFiles(Protocol):
    """A pool whose items may be files that a browser can show as they are."""

    def file(self, item_id: str) -> Path | None:
        """The file of an item, or None if it is none."""


def content(pool: Pool, item_id: str, part: str | None = None) -> Content:
    """The content of one item, or of one part of an item that is a mapping.

    Args:
        pool: The project's pool.
        item_id: An id that the store knows.
        part: Name of the part.

    Raises:
        UnknownItemError: if there is no such item or part.
        PoolError: if it cannot be read.
    """
    if part is None and (whole := _file(pool, item_id)) is not None:
        return whole
    value = pool.load(item_id)
    if part is not None:
        if not isinstance(value, Mapping) or part not in value:
            raise UnknownItemError(f"item {item_id!r} has no such part", got=part, wanted="a part named in the item")
        value = value[part]
    if isinstance(value, Mapping):
        return Content(json.dumps({"parts": list(value)}).encode(), "application/json")
    return rendered(value)


def rendered(value: Any) -> Content:
    """An array or a text as something a browser shows."""
    if isinstance(value, str):
        return Content(value.encode(), "text/plain; charset=utf-8")
    array = np.asarray(value)
    pixels = as_pixels(array)
    if pixels is not None:
        return Content(png(pixels), "image/png")
    flat = array.reshape(-1)
    text = ", ".join(f"{number:.6g}" if array.dtype.kind == "f" else str(number) for number in flat[:_NUMBERS].tolist())
    more = f", … ({flat.size} numbers)" if flat.size > _NUMBERS else ""
    return Content((text + more).encode(), "text/plain; charset=utf-8")


def _file(pool: Pool, item_id: str) -> Content | None:
    """The file as it is; None if it must be decoded first, or if the item has more parts than the file."""
    if not isinstance(pool, HasFiles):
        return None
    path = pool.file(item_id)
    media = mimetypes.guess_type(path.name)[0] if path is not None else None
    if path is None or media not in SHOWN_BY_BROWSERS or _has_parts(pool):
        return None
    try:
        return Content(path.read_bytes(), media)
    except OSError as error:
        raise PoolError(f"item {item_id!r} cannot be read: {error.strerror}", got=path.name, hint="Was the file moved?") from error


def _has_parts(pool: Any) -> bool:
    """Does a table give its pictures a text or numbers to go with them?"""
    return any(getattr(pool, name, None) for name in ("text", "features"))
