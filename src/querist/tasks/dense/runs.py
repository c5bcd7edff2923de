"""Class maps as runs, for JSON: `{"size": [h, w], "runs": [[class or null, length], …]}`, row by row. Volumes have a size of three."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NOBODY: Final = 255
"""Position of a pixel that nobody has labelled."""


def to_runs(positions: NDArray[Any], names: Sequence[str]) -> dict[str, Any]:
    """A class map as runs.

    Args:
        positions: Class positions (h, w) or (d, h, w); `NOBODY` is null.
        names: Name of each position.
    """
    flat = np.ascontiguousarray(positions).reshape(-1)
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1]) if len(flat) else np.empty(0, dtype=np.int64)
    lengths = np.diff([*starts, len(flat)])
    runs = [[None if int(flat[start]) == NOBODY else names[int(flat[start])], int(length)] for start, length in zip(starts, lengths, strict=True)]
    return {"size": [int(side) for side in positions.shape], "runs": runs}


def to_positions(value: Mapping[str, Any], names: Sequence[str]) -> NDArray[np.uint8]:
    """Class positions of runs, `NOBODY` where null: the inverse of `to_runs`."""
    place = {name: position for position, name in enumerate(names)}
    said = np.array([NOBODY if name is None else place[name] for name, _ in value["runs"]], dtype=np.uint8)
    return np.repeat(said, [length for _, length in value["runs"]]).reshape(value["size"])


def merged(runs: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The runs with equal neighbours made one and empty ones left out."""
    found: list[list[Any]] = []
    for name, length in runs:
        if found and found[-1][0] == name:
            found[-1][1] += int(length)
        elif length:
            found.append([name, int(length)])
    return found


def corners(positions: NDArray[Any]) -> int:
    """Vertices of the outlines of a class map (h, w), pixel-exact: places where four pixels meet that are not split by one straight line.

    The frame of the map is an outline too. A volume has those of its slices.
    """
    if positions.ndim > 2:
        return sum(corners(part) for part in positions)
    a = np.pad(positions.astype(np.int64), 1, constant_values=-1)
    upper, lower = a[:-1, :-1] == a[:-1, 1:], a[1:, :-1] == a[1:, 1:]
    left, right = a[:-1, :-1] == a[1:, :-1], a[:-1, 1:] == a[1:, 1:]
    return int((~((upper & lower) | (left & right))).sum())
