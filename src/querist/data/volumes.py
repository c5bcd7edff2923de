"""Volumes with nodules: small stacks of slices for three-dimensional segmentation and detection. All synthetic.

A volume holds round nodules of unequal size and, as distractors of the same brightness, straight vessels. It is a function of
(part, seed, number) and its shape alone.

Reference:
    The setting is that of nodule detection in CT (Wang et al. 2018, MICCAI); no data of it are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.data.scenes import PARTS, SECONDS

MOST: Final = 3
_ENTROPY = 3  # keeps the streams apart from those of the scenes


@dataclass(frozen=True)
class Volume:
    """One stack of slices.

    Attributes:
        voxels: Grey levels (depth, height, width), uint8.
        instances: Number of the nodule at each voxel (depth, height, width), uint8; 0 is background.
        boxes: (m, 6) float32, x1 y1 z1 x2 y2 z2 in voxel edges.
        seconds: What drawing all boxes takes, see `data.scenes.SECONDS`.
        slice_seconds: What drawing the masks of each slice takes (depth,).
    """

    voxels: NDArray[np.uint8]
    instances: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    seconds: float
    slice_seconds: NDArray[np.float64]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Where any nodule is (depth, height, width)."""
        return self.instances > 0


def volume(part: str, number: int, seed: int = 0, shape: tuple[int, int, int] = (16, 32, 32), empty: float = 0.2) -> Volume:
    """Volume number `number` (from 0) of a part; equal arguments give equal volumes.

    Args:
        part: `pool`, `dev` or `final`.
        number: ≥ 0.
        seed: Another seed is another set.
        shape: Depth, height and width, at least 8 each.
        empty: Share of volumes without a nodule; the others hold 1 to `MOST` that do not touch.

    Raises:
        UsageError: for an unknown part or a tiny shape.
    """
    if part not in PARTS or min(shape) < 8:
        raise UsageError("there are no such volumes", got=f"{part}, {shape}", wanted=f"{', '.join(PARTS)}, at least 8 voxels a side")
    rng = stream(seed, number, "split", 2 * _ENTROPY + PARTS.index(part))
    grid = np.stack(np.meshgrid(*(np.arange(size, dtype=np.float32) for size in shape), indexing="ij"), axis=-1)
    grey = np.full(shape, rng.uniform(40, 70), dtype=np.float32)
    for _ in range(3):
        grey += _vessel(grid, shape, rng)
    instances = np.zeros(shape, dtype=np.uint8)
    for _ in range(0 if rng.random() < empty else int(rng.integers(1, MOST + 1))):
        _nodule(grey, instances, grid, rng)
    voxels = np.clip(grey + rng.normal(0, 8, shape), 0, 255).astype(np.uint8)
    boxes = _boxes(instances)
    per_slice = np.array([len(np.unique(each)) - 1 if each.any() and (each == 0).any() else int(each.any()) for each in instances])
    return Volume(voxels, instances, boxes, SECONDS["item"] + SECONDS["box"] * len(boxes), SECONDS["item"] + SECONDS["mask"] * per_slice)


def _vessel(grid: NDArray[np.float32], shape: tuple[int, int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """A straight tube through the volume."""
    through = rng.uniform(0, 1, 3) * np.array(shape)
    course = rng.standard_normal(3)
    course /= np.linalg.norm(course)
    away = grid - through
    apart = np.linalg.norm(away - (away @ course)[..., None] * course, axis=-1)
    return np.asarray(rng.uniform(50, 90) * np.clip(rng.uniform(1.2, 2.0) - apart, 0, 1), dtype=np.float32)


def _nodule(grey: NDArray[np.float32], instances: NDArray[np.uint8], grid: NDArray[np.float32], rng: np.random.Generator) -> None:
    """One more ellipsoid, painted and numbered, where it touches no other; a dozen tries."""
    shape = np.array(instances.shape)
    for _ in range(12):
        radii = rng.uniform(1.8, 0.22 * shape.min() + 1.2, 3)
        middle = radii + 0.5 + rng.uniform(0, 1, 3) * (shape - 1 - 2 * radii - 1)
        away = np.sqrt((((grid - middle) / radii) ** 2).sum(axis=-1))
        mask = away <= 1
        if mask.any() and not (instances[away <= 1.4] > 0).any():
            grey += np.asarray(rng.uniform(60, 110) * np.clip((1.25 - away) / 0.25, 0, 1), dtype=np.float32)
            instances[mask] = instances.max() + 1
            return


def _boxes(instances: NDArray[np.uint8]) -> NDArray[np.float32]:
    boxes = np.zeros((int(instances.max()), 6), dtype=np.float32)
    for row in range(len(boxes)):
        there = np.argwhere(instances == row + 1)
        boxes[row] = [*there.min(axis=0)[::-1], *(there.max(axis=0)[::-1] + 1)]
    return boxes
