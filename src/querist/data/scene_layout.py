"""Where the objects of a scene lie: later ones hide earlier ones, no two boxes share much, and in a sequence they wander."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from querist.data.scene_paint import Mask, boxes_of

MOST_SHARED: Final = 0.3
"""Largest intersection over union of two boxes of a scene."""
MOST_HIDDEN: Final = 0.4
"""Largest share of an object that others may hide."""


@dataclass(frozen=True)
class Placed:
    """An object's mask on its own, and where its upper left corner lies.

    Attributes:
        mask: (h, w).
        row: Of the upper left corner.
        column: Of the upper left corner.
    """

    mask: Mask
    row: int
    column: int

    def moved(self, down: int, right: int, side: int) -> Placed:
        """The same elsewhere, held inside the canvas."""
        height, width = self.mask.shape
        row, column = np.clip(self.row + down, 0, side - height), np.clip(self.column + right, 0, side - width)
        return Placed(self.mask, int(row), int(column))


def visible(objects: list[Placed], side: int) -> Mask:
    """What can be seen of each (m, side, side), the last on top."""
    masks = np.zeros((len(objects), side, side), dtype=bool)
    for number, one in enumerate(objects):
        height, width = one.mask.shape
        masks[number, one.row : one.row + height, one.column : one.column + width] = one.mask
        masks[:number] &= ~masks[number]
    return masks


def shared(boxes: NDArray[np.float32]) -> float:
    """Largest intersection over union of two of the boxes (m, 4); 0 for fewer than two."""
    if len(boxes) < 2:
        return 0.0
    low, high = np.maximum(boxes[:, None, :2], boxes[None, :, :2]), np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(axis=-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=-1)
    ratio = both / np.maximum(area[:, None] + area[None] - both, 1e-9)
    return float(ratio[np.triu_indices(len(boxes), 1)].max())


def legal(objects: list[Placed], side: int) -> bool:
    """Whether the boxes of what can be seen share little and nobody is hidden too much."""
    masks = visible(objects, side)
    seen, whole = masks.sum(axis=(1, 2)), np.array([one.mask.sum() for one in objects])
    return bool((seen >= (1 - MOST_HIDDEN) * whole).all()) and shared(boxes_of(masks)) <= MOST_SHARED


def put(mask: Mask, objects: list[Placed], side: int, rng: np.random.Generator, tries: int = 24) -> Placed | None:
    """A place for one more object, or None where none was found."""
    height, width = mask.shape
    if not height or height > side or width > side:
        return None
    for _ in range(tries):
        found = Placed(mask, int(rng.integers(side - height + 1)), int(rng.integers(side - width + 1)))
        if legal([*objects, found], side):
            return found
    return None


def wandered(objects: list[Placed], frames: int, side: int, rng: np.random.Generator) -> list[Placed]:
    """The objects some frames later: each keeps its own course of 1 to 3 pixels a frame; where that would not be legal it waits a frame."""
    courses = [_course(rng) for _ in objects]
    for _ in range(frames):
        for number, (down, right) in enumerate(courses):
            moved = [*objects[:number], objects[number].moved(down, right, side), *objects[number + 1 :]]
            objects = moved if legal(moved, side) else objects
    return objects


def _course(rng: np.random.Generator) -> tuple[int, int]:
    """A step of 1 to 3 pixels (the larger of its two parts)."""
    while True:
        down, right = (int(part) for part in rng.integers(-3, 4, size=2))
        if max(abs(down), abs(right)) >= 1:
            return down, right
