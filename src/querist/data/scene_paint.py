"""How scenes are painted: backgrounds, sprites, and the camera of another domain. Pure functions on arrays; grey levels in [0, 255]."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]

MASK_LEVEL: Final = 0.12
"""A pixel of a warped item belongs to the object above this share of full grey."""
DARKEST: Final = 25.0
"""What every object pixel is lifted by, so that dark cloth is still an object."""


def resized(small: NDArray[np.float64], height: int, width: int) -> Grey:
    """A small grid blown up bilinearly, its corners in the corners of the canvas."""
    rows = np.linspace(0, small.shape[0] - 1, height)
    columns = np.linspace(0, small.shape[1] - 1, width)
    top, left = np.minimum(rows.astype(int), small.shape[0] - 2), np.minimum(columns.astype(int), small.shape[1] - 2)
    down, right = (rows - top)[:, None], (columns - left)[None]
    above = small[top][:, left] * (1 - right) + small[top][:, left + 1] * right
    below = small[top + 1][:, left] * (1 - right) + small[top + 1][:, left + 1] * right
    return np.asarray(above * (1 - down) + below * down, dtype=np.float32)


def background(side: int, cells: int, lines: int, rng: np.random.Generator) -> Grey:
    """Low-frequency noise about a random level, crossed by thin straight lines."""
    canvas = rng.uniform(45, 85) + 18 * resized(rng.standard_normal((cells, cells)), side, side)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    for _ in range(lines):
        angle, offset, level = rng.uniform(0, np.pi), rng.uniform(-0.4, 0.4) * side, rng.uniform(-30, 45)
        away = np.abs((x - side / 2) * np.cos(angle) + (y - side / 2) * np.sin(angle) - offset)
        canvas = canvas + level * np.clip(1.4 - away, 0, 1)
    return np.asarray(canvas, dtype=np.float32)


def sprite(item: NDArray[np.uint8], scale: float, degrees: float) -> tuple[Grey, Mask]:
    """A small image scaled and turned about its middle (bilinear), cropped to its mask.

    Returns:
        Grey levels (h, w) and mask (h, w); both empty where nothing is brighter than `MASK_LEVEL`.
    """
    height, width = item.shape
    size = int(np.ceil(scale * np.hypot(height, width))) + 2
    turn = np.deg2rad(degrees)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    from_y = (np.cos(turn) * y - np.sin(turn) * x) / scale + (height - 1) / 2
    from_x = (np.sin(turn) * y + np.cos(turn) * x) / scale + (width - 1) / 2
    framed = np.zeros((height + 2, width + 2))
    framed[1:-1, 1:-1] = item
    from_y, from_x = np.clip(from_y + 1, 0, height + 0.999), np.clip(from_x + 1, 0, width + 0.999)
    top, left = from_y.astype(int), from_x.astype(int)
    down, right = from_y - top, from_x - left
    above = framed[top, left] * (1 - right) + framed[top, left + 1] * right
    below = framed[top + 1, left] * (1 - right) + framed[top + 1, left + 1] * right
    warped = above * (1 - down) + below * down
    return cropped(np.asarray(warped, dtype=np.float32), warped > MASK_LEVEL * 255)


def cropped(grey: Grey, mask: Mask) -> tuple[Grey, Mask]:
    """Both cut to the box of the mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return grey[:0, :0], mask[:0, :0]
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return grey[window], mask[window]


def blob(side: int, rng: np.random.Generator) -> tuple[Grey, Mask]:
    """One dark, ragged, textured disc, as a lesion on skin is; a fifth to two thirds of the canvas wide."""
    mean = rng.uniform(0.1, 0.33) * side
    waves = np.arange(2, 7)
    heights, phases = rng.normal(0, 0.22, len(waves)) / waves, rng.uniform(0, 2 * np.pi, len(waves))
    size = int(np.ceil(2.9 * mean))
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    angle = np.arctan2(y, x * rng.uniform(0.8, 1.25))
    edge = mean * (1 + (heights * np.cos(waves * angle[..., None] + phases)).sum(axis=-1))
    mask = np.hypot(y, x) < edge
    grey = rng.uniform(10, 45) + 10 * resized(rng.standard_normal((6, 6)), size, size)
    return cropped(grey, np.asarray(mask))


def boxes_of(masks: Mask) -> NDArray[np.float32]:
    """Boxes (m, 4) of masks (m, h, w): x1 y1 x2 y2 in pixel edges, so that a mask of one pixel has a box of area one."""
    boxes = np.zeros((len(masks), 4), dtype=np.float32)
    for row, mask in enumerate(masks):
        y, x = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if len(y):
            boxes[row] = x[0], y[0], x[-1] + 1, y[-1] + 1
    return boxes


def blurred(grey: Grey, times: int = 2) -> Grey:
    """Means over 3 × 3 pixels, repeated; edges are continued."""
    for _ in range(times):
        padded = np.pad(grey, 1, mode="edge")
        rows = padded[:-2] + padded[1:-1] + padded[2:]
        grey = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9
    return grey


def other_camera(grey: Grey, changes: tuple[str, ...], rng: np.random.Generator) -> Grey:
    """The picture as another camera sees it: `invert`, `blur` and `noise`, in this order, as asked."""
    if "invert" in changes:
        grey = 255 - grey
    if "blur" in changes:
        grey = blurred(grey)
    if "noise" in changes:
        grey = grey + rng.normal(0, 10, grey.shape).astype(np.float32)
    return grey
