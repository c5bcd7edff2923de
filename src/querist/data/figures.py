"""Pictures of one articulated figure with its joints: head, neck, shoulders, elbows, wrists, hips, knees, ankles. **Synthetic**, wholly generated.

A figure is a function of (part, number) alone. Two thirds of the figures stand or walk, the others take rarer poses (arms up, bowed, seated);
development and final figures show all alike. Joints behind the block in front of the figure, or outside the picture, cannot be seen: they have
no coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from querist.core.rng import stream

JOINTS: Final = (
    "head", "neck", "left shoulder", "right shoulder", "left elbow", "right elbow", "left wrist", "right wrist",
    "left hip", "right hip", "left knee", "right knee", "left ankle", "right ankle",
)  # fmt: skip
PARTS: Final = ("pool", "dev", "final")
RARE: Final = 1 / 3
"""Share of the poses in the pool that are rare ones; half elsewhere."""

_BONES: Final = ((0, 1), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7), (2, 8), (3, 9), (8, 9), (8, 10), (9, 11), (10, 12), (11, 13))


@dataclass(frozen=True)
class Figure:
    """One picture.

    Attributes:
        image: Grey levels (side, side), uint8.
        joints: (14, 2) float32, x and y in pixels, of `JOINTS`.
        seen: (14,): whether the joint can be seen.
    """

    image: NDArray[np.uint8]
    joints: NDArray[np.float32]
    seen: NDArray[np.bool_]


def figure(part: str, number: int, side: int = 64) -> Figure:
    """The figure of this number.

    Args:
        part: One of `PARTS`: no two share a figure.
        number: From 0.
        side: Of the picture.
    """
    rng = stream(number, 1 + PARTS.index(part), "oracle")
    joints = _posed(rng, rng.random() < (RARE if part == "pool" else 0.5)) * side
    width = side / 64 * rng.uniform(1.6, 2.6)
    level = rng.uniform(130, 235)
    canvas = rng.normal(60, 14, size=(side, side)) + _slope(rng, side)
    for _ in range(4):  # sticks that belong to nobody
        ends = rng.uniform(0, side, size=(2, 2))
        canvas = np.where(_near(ends[0], ends[1], side) < width * 0.7, rng.uniform(90, 200), canvas)
    for first, second in _BONES:
        canvas = np.where(_near(joints[first], joints[second], side) < width, level + rng.normal(0, 8), canvas)
    canvas = np.where(_near(joints[0], joints[0], side) < width * 2.4, level, canvas)
    corner, size = rng.uniform(0.1, 0.8, 2) * side, rng.uniform(0.0, 0.35, 2) * side
    y, x = np.mgrid[:side, :side]
    block = (x >= corner[0]) & (x < corner[0] + size[0]) & (y >= corner[1]) & (y < corner[1] + size[1])
    canvas = np.where(block, rng.uniform(20, 230), canvas) + rng.normal(0, 8, size=(side, side))
    inside = ((joints >= 0) & (joints < side)).all(axis=1)
    behind = ((joints >= corner) & (joints < corner + size)).all(axis=1)
    return Figure(np.clip(canvas, 0, 255).astype(np.uint8), joints.astype(np.float32), np.asarray(inside & ~behind))


def _posed(rng: np.random.Generator, rare: bool) -> NDArray[np.float64]:
    """Joints (14, 2) with the picture as the unit square."""
    scale, middle = rng.uniform(0.75, 1.05), np.array([rng.uniform(0.35, 0.65), rng.uniform(0.48, 0.58)])
    pose = rng.integers(3) if rare else -1
    lean = rng.choice([-1.0, 1.0]) * rng.uniform(0.8, 1.3) if pose == 1 else rng.normal(0, 0.12)
    up = np.array([np.sin(lean), -np.cos(lean)])
    across = np.array([-up[1], up[0]])
    neck = middle + up * 0.22
    shoulders = [neck - across * 0.09 - up * 0.02, neck + across * 0.09 - up * 0.02]
    hips = [middle - across * 0.06, middle + across * 0.06]
    arms = np.pi + rng.normal(0, 0.35, 2) if pose == 0 else rng.normal(0, 0.45, 2)
    legs = rng.choice([-1.0, 1.0]) * np.full(2, 1.3) + rng.normal(0, 0.15, 2) if pose == 2 else rng.normal(0, 0.3, 2)
    shins = legs + (-np.sign(legs) * 1.2 if pose == 2 else rng.normal(0, 0.25, 2))
    elbows, knees = _hung(shoulders, arms, 0.13), _hung(hips, legs, 0.17)
    wrists, ankles = _hung(elbows, arms + rng.normal(0, 0.6, 2), 0.12), _hung(knees, shins, 0.17)
    pairs = [point for both in (shoulders, elbows, wrists, hips, knees, ankles) for point in both]
    joints = np.array([neck + up * 0.11, neck, *pairs])
    return np.asarray((joints - middle) * scale + middle)


def _hung(tops: list[NDArray[np.float64]], angles: NDArray[np.float64], length: float) -> list[NDArray[np.float64]]:
    """The ends of two bones at angles from straight down."""
    return [top + length * np.array([np.sin(angle), np.cos(angle)]) for top, angle in zip(tops, angles, strict=True)]


def _near(a: NDArray[np.float64], b: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Distance (side, side) of every pixel's middle from the line between two points."""
    y, x = np.mgrid[:side, :side] + 0.5
    along = b - a
    share = np.clip(((x - a[0]) * along[0] + (y - a[1]) * along[1]) / max(float(along @ along), 1e-9), 0, 1)
    return np.asarray(np.hypot(x - a[0] - share * along[0], y - a[1] - share * along[1]))


def _slope(rng: np.random.Generator, side: int) -> NDArray[np.float64]:
    """Light that comes from one side."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    return np.asarray(rng.uniform(0, 40) * (np.cos(angle) * x + np.sin(angle) * y))
