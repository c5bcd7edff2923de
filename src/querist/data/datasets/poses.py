"""Generated figures as a data set of key points, **synthetic**: see `data.figures`."""

from __future__ import annotations

import numpy as np

from querist.data.datasets.registry import Loaded
from querist.data.figures import JOINTS, figure

POOL, DEV, FINAL, SIDE = 2_000, 500, 500, 64
TARGETS = tuple(f"{joint}.{axis}" for joint in JOINTS for axis in "xy")


def figures(root: str | None) -> Loaded:
    """2,500 pictures of one figure, 14 joints; the last 500 show rare poses more often than the others."""
    return _loaded([("pool", number) for number in range(POOL)] + [("dev", number) for number in range(DEV)], DEV)


def figures_final(root: str | None) -> Loaded:
    """500 further figures."""
    return _loaded([("final", number) for number in range(FINAL)])


def _loaded(which: list[tuple[str, int]], last: int = 0) -> Loaded:
    made = [figure(part, number, SIDE) for part, number in which]
    values = [
        {f"{joint}.{axis}": float(place) for joint, places, seen in zip(JOINTS, one.joints, one.seen, strict=True) if seen
         for axis, place in zip("xy", places, strict=True)}
        for one in made
    ]  # fmt: skip
    space = {"low": 0.0, "high": float(SIDE), "form": "points"}
    return Loaded(
        np.stack([one.image for one in made]), np.zeros(len(made), dtype=np.int64), TARGETS, values, dev=range(len(made) - last, len(made)), space=space
    )
