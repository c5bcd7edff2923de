"""Masks as files have them: packed runs and polygons (filled by the centre of each pixel) of instances, class maps of indices as runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import PoolError


def counts_of(packed: str, where: str) -> list[int]:
    """Run lengths of COCO's packed text: five bits a character, differences to the run two before from the fourth run on.

    Raises:
        PoolError: for a text that is none of these; `where` begins the message.
    """
    counts: list[int] = []
    value, shift = 0, 0
    for sign in packed:
        bits = ord(sign) - 48
        if not 0 <= bits < 64:
            raise PoolError(f"{where} has packed run lengths with a sign that has no place there", got=repr(sign), wanted="signs from '0' to 'o'")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value, shift = 0, 0
    if shift or any(count < 0 for count in counts):
        raise PoolError(f"{where} has packed run lengths that break off or are negative", got=packed, wanted="whole runs")
    return counts


def filled(polygons: Sequence[Sequence[float]], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels (h, w) whose centre is inside one of the polygons (even-odd rule).

    Args:
        polygons: x1 y1 x2 y2 … each, at least three corners.
        size: (h, w).
    """
    h, w = size
    inside = np.zeros((h, w), dtype=bool)
    for polygon in polygons:
        x, y = np.asarray(polygon[0::2], dtype=np.float64), np.asarray(polygon[1::2], dtype=np.float64)
        x2, y2 = np.roll(x, -1), np.roll(y, -1)
        first, last = max(int(np.floor(y.min() - 0.5)), 0), min(int(np.ceil(y.max() + 0.5)), h)
        for row in range(first, last):
            level = row + 0.5
            cut = (y <= level) != (y2 <= level)
            crossings = np.sort(x[cut] + (level - y[cut]) / (y2[cut] - y[cut]) * (x2[cut] - x[cut]))
            # A centre exactly on an edge belongs to the polygon on its right, so that polygons side by side share no pixel.
            inside[row] |= np.searchsorted(crossings, np.arange(w) + 0.5, side="right") % 2 == 1
    return inside


def map_value(indices: NDArray[np.integer[Any]], names: Mapping[int, str | None]) -> dict[str, Any]:
    """A class map (h, w) as `{"size": [h, w], "runs": [[class or null, length], ...]}`, row-major."""
    flat = np.asarray(indices).ravel()
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    lengths = np.diff(np.concatenate([starts, [len(flat)]])).tolist()
    runs = [[names[index], length] for index, length in zip(flat[starts].tolist(), lengths, strict=True)]
    return {"size": [int(size) for size in np.shape(indices)], "runs": runs}


def map_of(value: Mapping[str, Any], places: Mapping[str | None, int]) -> NDArray[np.int64]:
    """The indices (h, w) of such a value."""
    lengths = [length for _, length in value["runs"]]
    flat = np.repeat(np.array([places[name] for name, _ in value["runs"]], dtype=np.int64), lengths)
    return flat.reshape(tuple(value["size"]))
