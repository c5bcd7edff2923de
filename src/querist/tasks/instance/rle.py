"""Masks as run lengths after COCO's uncompressed form: `{"size": [h, w], "counts": […]}`, column by column, zeros first. Volumes have three sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_counts(mask: NDArray[Any]) -> dict[str, Any]:
    """A mask (h, w) or (d, h, w), anything but 0 is inside, as run lengths in column-major order."""
    flat = np.asarray(mask).astype(bool).ravel(order="F")
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    ends = np.concatenate([[0], edges, [len(flat)]])
    counts = np.diff(ends).tolist()
    return {"size": [int(side) for side in mask.shape], "counts": [0, *counts] if len(flat) and flat[0] else counts}


def to_mask(value: Mapping[str, Any]) -> NDArray[np.bool_]:
    """The mask of run lengths: the inverse of `to_counts`."""
    counts = np.asarray(value["counts"], dtype=np.int64)
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(value["size"], order="F")


def area(value: Mapping[str, Any]) -> int:
    """Pixels inside."""
    return int(sum(value["counts"][1::2]))


def box_of(mask: NDArray[Any]) -> list[float]:
    """The smallest box around a mask that is not empty: lower corner, then upper corner, x before y before z; a pixel is one wide."""
    places = np.argwhere(np.asarray(mask))[:, ::-1]
    return [float(number) for number in (*places.min(axis=0), *(places.max(axis=0) + 1))]
