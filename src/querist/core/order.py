"""The canonical order of ids: natural order, digit runs as numbers. Ties break by it, sampled methods draw in it."""

from __future__ import annotations

import re
from collections.abc import Iterable

_RUNS = re.compile(r"(\d+)")


def natural_key(item_id: str) -> tuple[tuple[int, int | str, str], ...]:
    """Sort key of an id: `img2` before `img10`; equal numbers with other spellings (`01`, `1`) stay distinct."""
    return tuple((0, int(part), part) if part.isdigit() else (1, part, "") for part in _RUNS.split(item_id) if part)


def canonical(ids: Iterable[str]) -> list[str]:
    """The ids in canonical order.

    Args:
        ids: Item ids, any order.

    Returns:
        A new sorted list. Ids that are all plain numbers take a fast path of the same order.
    """
    listed = list(ids)
    if all(item_id.isascii() and item_id.isdigit() for item_id in listed):
        return sorted(listed, key=lambda item_id: (int(item_id), item_id))
    return sorted(listed, key=natural_key)
