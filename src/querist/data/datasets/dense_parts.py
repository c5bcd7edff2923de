"""Parts of images, volumes and slices of volumes as named sets for class maps. All synthetic, see `data.scenes` and `data.volumes`.

- `scene-quarters`: quarters of scenes; one asks for a quarter, and the development and final items are whole scenes.
- `volumes`: whole volumes with nodules.
- `volume-slices`: slices of volumes; the network sees the volume, one asks for a slice, development and final items are whole volumes.

An item of the first and the last has the window that is asked about as one more channel; see `data.regions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from querist.data.arrays import ArrayPool
from querist.data.datasets.registry import Loaded
from querist.data.regions import RegionPool
from querist.data.scenes import PRESETS, scene
from querist.data.volumes import volume
from querist.tasks.dense.runs import to_runs

SCENES: Final = 400
VOLUMES: Final = 300
SLICED: Final = 40
DEV: Final = 100
NODULES: Final = ("background", "nodule")

Maps = tuple[NDArray[Any], NDArray[np.uint8]]
"""Inputs and their class maps."""


def quarters(root: str | None = None) -> Loaded:
    """Quarters of scenes of the preset `neutral`, behind them whole development scenes."""
    return _parts(_scenes("pool", SCENES, root), _scenes("dev", DEV, root), (2, 2), ("background", *PRESETS["neutral"].names))


def quarters_final(root: str | None = None) -> Loaded:
    """Whole final scenes."""
    return _whole(_scenes("final", DEV, root), (1, 1), ("background", *PRESETS["neutral"].names))


def volumes(root: str | None = None) -> Loaded:
    """Volumes (1, 16, 32, 32), behind those of the pool the development ones."""
    x, maps = (np.concatenate(both) for both in zip(_volumes("pool", VOLUMES), _volumes("dev", DEV), strict=True))
    return Loaded(x, np.empty(0, dtype=np.int64), NODULES, values=[to_runs(one, NODULES) for one in maps], dev=tuple(range(VOLUMES, VOLUMES + DEV)))


def volumes_final(root: str | None = None) -> Loaded:
    """Final volumes."""
    x, maps = _volumes("final", DEV)
    return Loaded(x, np.empty(0, dtype=np.int64), NODULES, values=[to_runs(one, NODULES) for one in maps])


def slices(root: str | None = None) -> Loaded:
    """Slices of volumes, behind them whole development volumes."""
    return _parts(_volumes("pool", SLICED), _volumes("dev", DEV // 2), (16, 1, 1), NODULES)


def slices_final(root: str | None = None) -> Loaded:
    """Whole final volumes with a window that is all of them."""
    return _whole(_volumes("final", DEV // 2), (1, 1, 1), NODULES)


def _parts(pool: Maps, dev: Maps, grid: tuple[int, ...], names: Sequence[str]) -> Loaded:
    """Regions of the pool's maps, and the development ones whole."""
    asked, held = _regions(pool, grid, names), _regions(dev, (1,) * len(grid), names)
    x, values = np.concatenate([asked[0], held[0]]), [*asked[1], *held[1]]
    return Loaded(x, np.empty(0, dtype=np.int64), tuple(names), values=values, dev=tuple(range(len(asked[0]), len(x))))


def _whole(maps: Maps, grid: tuple[int, ...], names: Sequence[str]) -> Loaded:
    x, values = _regions(maps, grid, names)
    return Loaded(x, np.empty(0, dtype=np.int64), tuple(names), values=values)


def _regions(maps: Maps, grid: tuple[int, ...], names: Sequence[str]) -> tuple[NDArray[np.float32], list[Any]]:
    """Inputs with their windows, and what is true within."""
    x, true = maps
    parents = [f"{row:05d}" for row in range(len(x))]
    pool = RegionPool(ArrayPool(x, parents), grid)
    values = pool.values({item: to_runs(one, names) for item, one in zip(parents, true, strict=True)}, names)
    return np.stack([pool.load(item) for item in pool.ids()]), [values[item] for item in pool.ids()]


def _scenes(part: str, count: int, root: str | None) -> Maps:
    drawn = [scene("neutral", part, number, root=root) for number in range(count)]
    return np.stack([one.image for one in drawn]), np.stack([one.classes for one in drawn])


def _volumes(part: str, count: int) -> Maps:
    drawn = [volume(part, number) for number in range(count)]
    return np.stack([one.voxels for one in drawn])[:, None], np.stack([one.mask for one in drawn]).astype(np.uint8)


LOADERS: Final[dict[str, Callable[[str | None], Loaded]]] = {
    "quarters": quarters, "quarters_final": quarters_final, "volumes": volumes, "volumes_final": volumes_final, "slices": slices, "slices_final": slices_final,
}  # fmt: skip
"""All of them, for tests."""
