"""The scenes as named data sets: `scenes` for boxes, `scenes-masks` for class maps, `scenes-instances` for both, and so on for other presets.

The scenes are synthetic, see `data.scenes`. A loader is a name of this module, `KIND_PRESET_PART`, such as `detection_neutral_train`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np

from querist.data.datasets.registry import Loaded
from querist.data.scenes import PRESETS, Scene, scene
from querist.tasks.dense.runs import to_runs
from querist.tasks.instance.rle import to_counts

POOL: Final = 2000
DEV: Final = 300
FINAL: Final = 1000


def boxes(one: Scene, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """A value of the label space of detection."""
    return [{"box": box, "label": names[label]} for box, label in zip(one.boxes.tolist(), one.labels.tolist(), strict=True)]


def instances(one: Scene, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """A value of the label space of instance segmentation."""
    return [{**value, "mask": to_counts(mask)} for value, mask in zip(boxes(one, names), one.masks, strict=True)]


def class_map(one: Scene, names: tuple[str, ...]) -> dict[str, Any]:
    """A value of the label space of class maps; the first of the names is background."""
    return to_runs(one.classes, names)


_VALUES: Final[dict[str, Callable[[Scene, tuple[str, ...]], Any]]] = {"detection": boxes, "dense": class_map, "instance": instances}


def loaded(kind: str, preset: str, part: str, root: str | None = None, pool: int = POOL, dev: int = DEV, final: int = FINAL) -> Loaded:
    """Scenes with values of a kind.

    Args:
        kind: `detection`, `dense` or `instance`.
        preset: One of `data.scenes.PRESETS`.
        part: `train`, the pool's scenes and behind them the development scenes, or `final`.
        root: Folder of Fashion-MNIST.
        pool: Number of the pool's scenes.
        dev: Number of development scenes.
        final: Number of final scenes.
    """
    parts = {"train": (("pool", pool), ("dev", dev)), "final": (("final", final),)}[part]
    drawn = [scene(preset, name, number, root=root) for name, count in parts for number in range(count)]
    names = (*(("background",) if kind == "dense" else ()), *PRESETS[preset].names)
    held = tuple(range(pool, pool + dev)) if part == "train" else ()
    values = [_VALUES[kind](one, names) for one in drawn]
    return Loaded(np.stack([one.image for one in drawn]), np.empty(0, dtype=np.int64), names, values=values, dev=held)


def __getattr__(name: str) -> Callable[[str | None], Loaded]:
    kind, preset, part = (*name.split("_"), "", "")[:3]
    if kind not in _VALUES or preset not in PRESETS or part not in ("train", "final"):
        raise AttributeError(name)
    return partial(loaded, kind, preset, part)
