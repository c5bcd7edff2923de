"""Scenes made of real Fashion-MNIST items: boxes, masks and class maps for tasks in which an item holds several objects.

A scene is a function of (preset, part, seed, number) alone, so a pool of them needs no memory. **The scenes are synthetic**: real
items, invented places, backgrounds and cameras. Pool and development scenes use disjoint training items, final ones the test
items. What a preset does to the *pool* (unequal classes, sequences, wrong labels) it does not do to the development and final
scenes: these show all classes equally often, each scene once, and are labelled correctly; of a shift they show the new domain.

The presets are frozen: they were written before any strategy ran on them.

References:
    Fashion-MNIST: Xiao et al. 2017, arXiv:1708.07747. Sequences and temporal rules: Aghdam et al. 2019, arXiv:1911.09168.
    Shift of domains: Kellenberger et al. 2019, arXiv:1907.07319.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.data import scene_paint as paint
from querist.data.datasets import fashion_mnist
from querist.data.scene_layout import Placed, put, visible, wandered

SECONDS: Final[Mapping[str, float]] = {"item": 5.0, "box": 7.0, "mask": 25.0}
"""What annotating takes: looking at the image, and then for every box or for every mask. **An assumption**, shown at half, once and twice its size."""

PARTS: Final = ("pool", "dev", "final")
_DEV_FROM = 50_000  # training items before this row make pool scenes, the others development scenes

CLASSES: Final[Mapping[str, Mapping[str, tuple[int, ...]]]] = {
    "ten": {
        "T-shirt/top": (0,), "Trouser": (1,), "Pullover": (2,), "Dress": (3,), "Coat": (4,),
        "Sandal": (5,), "Shirt": (6,), "Sneaker": (7,), "Bag": (8,), "Ankle boot": (9,),
    },
    "four": {"top": (0, 2, 4, 6), "long": (1, 3), "shoe": (5, 7, 9), "bag": (8,)},
    "object": {"object": tuple(range(10))},
    "lesion": {"lesion": ()},
}  # fmt: skip
"""Ways to name what is in a scene: class name → the Fashion-MNIST classes that it holds."""


@dataclass(frozen=True)
class Preset:
    """How scenes are made.

    Attributes:
        classes: One of `CLASSES`; `lesion` is one blob-like object instead of Fashion-MNIST items.
        side: Height and width of the canvas, 64 to 256; objects grow with it.
        most: Largest number of objects; a scene that is not empty wants 1 to `most`, equally often, and keeps those that find a place.
        empty: Share of scenes without an object.
        zipf: In the pool, class number r (from 1) is drawn with weight r ** -zipf.
        rare: Share of pool scenes that may show the last class; the others never do. None: the last class is like the others.
        frames: Frames of a sequence in the pool; 1 makes single scenes.
        shift: What the new domain changes: some of `invert`, `blur`, `noise`, `background`.
        shifted: Share of pool scenes (whole sequences) of the new domain.
        wrong: Share of the pool's objects whose label is another class.
        scale: Smallest and largest scale of an item.
        turn: Largest rotation, in degrees.
        contrast: Smallest and largest contrast of an item.
        clutter: Number of faint patches of other items in the background.
        lines: Number of lines in the background.
    """

    classes: str = "four"
    side: int = 64
    most: int = 5
    empty: float = 0.05
    zipf: float = 0.0
    rare: float | None = None
    frames: int = 1
    shift: tuple[str, ...] = ()
    shifted: float = 0.0
    wrong: float = 0.0
    scale: tuple[float, float] = (0.6, 1.3)
    turn: float = 15.0
    contrast: tuple[float, float] = (0.6, 1.0)
    clutter: int = 2
    lines: int = 3

    @property
    def names(self) -> tuple[str, ...]:
        """Class names, in the order of the labels."""
        return tuple(CLASSES[self.classes])

    @property
    def tested(self) -> Preset:
        """The same for development and final scenes."""
        return replace(self, zipf=0.0, rare=None, frames=1, shifted=1.0 if self.shift else 0.0, wrong=0.0)


PRESETS: Final[Mapping[str, Preset]] = {
    "neutral": Preset(),
    "imbalanced": Preset(zipf=2.0, empty=0.3),
    "redundant": Preset(frames=8),
    "shifted": Preset(shift=("invert", "blur", "noise", "background"), shifted=0.2),
    "rare": Preset(rare=0.01),
    "blob": Preset(classes="lesion", most=1, empty=0.0, clutter=0, lines=5),
}
"""Frozen: a change to one of these is another benchmark and needs another name."""


@dataclass(frozen=True)
class Scene:
    """One scene.

    Attributes:
        image: Grey levels (side, side), uint8.
        boxes: (m, 4) float32, x1 y1 x2 y2 in pixel edges: the boxes of the masks.
        labels: Class position of each object (m,), as an annotator would answer.
        masks: What can be seen of each object (m, side, side), disjoint.
        sequence: Number of its sequence; a single scene is its own.
        time: Frame number within the sequence, from 0.
        seconds: What drawing all boxes takes, see `SECONDS`.
        mask_seconds: What drawing all masks takes.
        domain: 0, or 1 for the shifted one.
        sources: Row in the Fashion-MNIST file of each object (m,); -1 for a blob.
        truth: Class position of each object, without wrong labels.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    masks: NDArray[np.bool_]
    sequence: int
    time: int
    seconds: float
    mask_seconds: float
    domain: int
    sources: NDArray[np.int64]
    truth: NDArray[np.int64]

    @property
    def classes(self) -> NDArray[np.uint8]:
        """Class map (side, side): 0 is background, 1 + label elsewhere."""
        drawn = np.zeros(self.image.shape, dtype=np.uint8)
        for mask, label in zip(self.masks, self.labels.tolist(), strict=True):
            drawn[mask] = label + 1
        return drawn


def scene(preset: str | Preset, part: str, number: int, seed: int = 0, root: str | None = None) -> Scene:
    """Scene number `number` (from 0) of a part; equal arguments give equal scenes, in every process.

    Args:
        preset: Name of one of `PRESETS`, or one of your own.
        part: `pool`, `dev` or `final`.
        number: ≥ 0; there is no last one.
        seed: Another seed is another set of scenes.
        root: Folder of Fashion-MNIST; None for where it usually is.

    Raises:
        UsageError: for an unknown preset or part.
        PoolError: if Fashion-MNIST is missing.
    """
    if part not in PARTS or (isinstance(preset, str) and preset not in PRESETS):
        raise UsageError("there are no such scenes", got=f"{preset}, {part}", wanted=f"{', '.join(PRESETS)} and {', '.join(PARTS)}")
    found = PRESETS[preset] if isinstance(preset, str) else preset
    found = found if part == "pool" else found.tested
    sequence, time = divmod(number, found.frames)
    place = PARTS.index(part)
    rng = stream(seed, sequence, "split", place)
    made = _objects(found, part, rng, root)
    domain = int(rng.random() < found.shifted)
    cells = 17 if domain and "background" in found.shift else 5
    canvas = paint.background(found.side, cells, found.lines, rng)
    for _ in range(found.clutter):
        _faint(canvas, part, found, rng, root)
    layout = wandered([one.placed for one in made], time, found.side, rng)
    masks = visible(layout, found.side)
    _paint(canvas, made, layout, masks)
    frame = stream(seed, number, "split", len(PARTS) + place)
    grey = paint.other_camera(canvas, found.shift, frame) if domain else canvas
    image = np.clip(grey + frame.normal(0, 4, grey.shape), 0, 255).astype(np.uint8)
    labels, truth = (np.array([getattr(one, name) for one in made], dtype=np.int64) for name in ("label", "truth"))
    sources = np.array([one.source for one in made], dtype=np.int64)
    boxes, count = paint.boxes_of(masks), len(made)
    return Scene(
        image, boxes, labels, masks, sequence, time, SECONDS["item"] + count * SECONDS["box"], SECONDS["item"] + count * SECONDS["mask"], domain, sources, truth
    )


@dataclass(frozen=True)
class _Object:
    grey: paint.Grey
    placed: Placed
    label: int
    truth: int
    source: int


def _objects(preset: Preset, part: str, rng: np.random.Generator, root: str | None) -> list[_Object]:
    """The objects of a scene (of the first frame of its sequence)."""
    made: list[_Object] = []
    wanted = 0 if rng.random() < preset.empty else int(rng.integers(1, preset.most + 1))
    weights = np.arange(1, len(preset.names) + 1, dtype=np.float64) ** -preset.zipf
    if preset.rare is not None and rng.random() >= preset.rare:
        weights[-1] = 0.0
    for number in range(wanted):
        truth = int(rng.choice(len(weights), p=weights / weights.sum()))
        if preset.rare is not None and weights[-1] and not number:
            truth = len(weights) - 1
        grey, mask, source = _item(preset, part, truth, rng, root)
        placed = put(mask, [one.placed for one in made], preset.side, rng)
        other = (truth + int(rng.integers(1, len(weights)))) % len(weights) if len(weights) > 1 else truth
        label = other if rng.random() < preset.wrong else truth
        if placed is not None:
            made.append(_Object(grey, placed, label, truth, source))
    return made


def _item(preset: Preset, part: str, label: int, rng: np.random.Generator, root: str | None) -> tuple[paint.Grey, paint.Mask, int]:
    if preset.classes == "lesion":
        return (*paint.blob(preset.side, rng), -1)
    images, rows = _rows(part, root)
    kinds = CLASSES[preset.classes][preset.names[label]]
    candidates = rows[kinds[int(rng.integers(len(kinds)))]]
    source = int(candidates[rng.integers(len(candidates))])
    grey, mask = paint.sprite(images[source], rng.uniform(*preset.scale) * preset.side / 64, rng.uniform(-preset.turn, preset.turn))
    return paint.DARKEST + rng.uniform(*preset.contrast) * grey * (1 - paint.DARKEST / 255), mask, source


def _faint(canvas: paint.Grey, part: str, preset: Preset, rng: np.random.Generator, root: str | None) -> None:
    """A quarter of some item, faintly, somewhere: texture that is no object."""
    images, rows = _rows(part, root)
    source = int(rng.choice(rows[int(rng.integers(len(rows)))]))
    grey, mask = paint.sprite(images[source][:14, :14], preset.side / 64, rng.uniform(-180, 180))
    height, width = mask.shape
    if height:
        row, column = int(rng.integers(preset.side - height + 1)), int(rng.integers(preset.side - width + 1))
        canvas[row : row + height, column : column + width] += 0.15 * grey * mask


def _paint(canvas: paint.Grey, made: list[_Object], layout: list[Placed], masks: paint.Mask) -> None:
    for one, placed, mask in zip(made, layout, masks, strict=True):
        whole = np.zeros_like(canvas)
        height, width = one.grey.shape
        whole[placed.row : placed.row + height, placed.column : placed.column + width] = one.grey
        canvas[mask] = whole[mask]


@lru_cache(maxsize=4)
def _read(final: bool, root: str | None) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    loaded = fashion_mnist.test(root) if final else fashion_mnist.train(root)
    return loaded.x, loaded.y


@lru_cache(maxsize=8)
def _rows(part: str, root: str | None) -> tuple[NDArray[np.uint8], tuple[NDArray[np.int64], ...]]:
    """The images of a part's file, and for every class the rows that the part may use."""
    images, labels = _read(part == "final", root)
    # A miniature of the files (tests) keeps the proportion of the two parts.
    cut = len(labels) * _DEV_FROM // 60_000
    low, high = {"pool": (0, cut), "dev": (cut, len(labels)), "final": (0, len(labels))}[part]
    return images, tuple(low + np.flatnonzero(labels[low:high] == kind) for kind in range(10))
