"""The canonical order of ids: natural order, digit runs as numbers. Ties break by it, sampled methods draw in it."""

from __future__ import annotations

import re
from collections.abc import Iterable

_RUNS = re.compile(r"(\d+)")
_SHAPE = {code: "0" if chr(code).isdigit() else "a" for code in range(128)}


def natural_key(item_id: str) -> tuple[tuple[int, int | str, str], ...]:
    """Sort key of an id: `img2` before `img10`; equal numbers with other spellings (`01`, `1`) stay distinct."""
    return tuple((0, int(part), part) if part.isdecimal() else (1, part, "") for part in _RUNS.split(item_id) if part)


def canonical(ids: Iterable[str]) -> list[str]:
    """The ids in canonical order.

    Args:
        ids: Item ids, any order.

    Returns:
        A new sorted list. Ids that are all plain numbers, or have digits at the same places, take a fast path of the same order.
    """
    listed = list(ids)
    if all(map(str.isascii, listed)):
        if all(map(str.isdigit, listed)):
            return sorted(listed, key=lambda item_id: (int(item_id), item_id))
        if len({item_id.translate(_SHAPE) for item_id in listed}) == 1:  # runs start and end at the same places, so text order is natural order
            return sorted(listed)
    return sorted(listed, key=natural_key)
