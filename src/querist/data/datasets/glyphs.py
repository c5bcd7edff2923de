"""Strings of six digits, made of scikit-learn's handwritten ones. **Synthetic**: real digits, invented strings.

The development strings use digits that the pool does not, the final ones a third set. Every string is a function of its part and number alone.

Reference:
    The task after Stark, Hazırbaş, Triebel & Cremers 2015 (strings of several characters, one softmax a place), on digits only.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from querist.core.optional import require
from querist.core.rng import stream
from querist.data.arrays import ArrayPool
from querist.data.datasets.registry import Loaded
from querist.data.slots import SlotPool

SLOTS: Final = tuple(f"place {number}" for number in range(1, 7))
CLASSES: Final = tuple("0123456789")
TRAIN, FINAL = 2_500, 500
HEIGHT, WIDTH, STEP = 12, 64, 10
STRINGS, WHOLE = 400, 100
_POOL_DIGITS, _DEV_STRINGS = 1_200, 500


def digit_strings(root: str | None) -> Loaded:
    """2,500 pictures of six digits; the last 500 use digits that the others do not."""
    images, labels = _digits()
    pool = _made("pool", TRAIN - _DEV_STRINGS, images[:_POOL_DIGITS], labels[:_POOL_DIGITS])
    dev = _made("dev", _DEV_STRINGS, images[_POOL_DIGITS:1_500], labels[_POOL_DIGITS:1_500])
    return _loaded(np.concatenate([pool[0], dev[0]]), np.concatenate([pool[1], dev[1]]), _DEV_STRINGS)


def digit_strings_final(root: str | None) -> Loaded:
    """500 strings of the digits that no other string uses."""
    images, labels = _digits()
    return _loaded(*_made("final", FINAL, images[1_500:], labels[1_500:]))


def digit_string_slots(root: str | None) -> Loaded:
    """The places of 400 such strings, one asks for one digit of a picture; behind them 100 whole development strings. Channels as `data.slots`."""
    images, labels = _digits()
    pool = _made("pool", STRINGS, images[:_POOL_DIGITS], labels[:_POOL_DIGITS])
    dev = _made("dev", WHOLE, images[_POOL_DIGITS:1_500], labels[_POOL_DIGITS:1_500])
    asked, held = _slots(pool, whole=False), _slots(dev, whole=True)
    return _partly(np.concatenate([asked[0], held[0]]), [*asked[1], *held[1]], WHOLE)


def digit_string_slots_final(root: str | None) -> Loaded:
    """100 whole strings of the digits that no other string uses."""
    images, labels = _digits()
    return _partly(*_slots(_made("final", WHOLE, images[1_500:], labels[1_500:]), whole=True))


def paint(digits: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A picture (12, 64) of six digits (6, 8, 8): unsteady places and contrasts, lines and noise behind them."""
    canvas = rng.normal(20.0, 12.0, size=(HEIGHT, WIDTH))
    for _ in range(3):
        row, slope = rng.uniform(0, HEIGHT), rng.uniform(-0.2, 0.2)
        columns = np.arange(WIDTH)
        rows = np.clip(np.rint(row + slope * columns), 0, HEIGHT - 1).astype(np.int64)
        canvas[rows, columns] += rng.uniform(40, 110)
    for place, digit in enumerate(digits):
        row, column = int(rng.integers(HEIGHT - 8 + 1)), 1 + place * STEP + int(rng.integers(0, 4))
        part = canvas[row : row + 8, column : column + 8]
        part[:] = np.maximum(part, digit * rng.uniform(0.45, 1.0))
    return np.clip(canvas, 0, 255).astype(np.uint8)


def _digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    bunch = require("sklearn.datasets", by="the data set digit-strings").load_digits()
    return np.rint(bunch.images * (255 / 16)).astype(np.uint8), bunch.target


def _made(part: str, count: int, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    pictures, said = [], []
    for number in range(count):
        rng = stream(number, {"pool": 1, "dev": 2, "final": 3}[part], "oracle")
        rows = rng.integers(len(images), size=len(SLOTS))
        pictures.append(paint(images[rows], rng))
        said.append(labels[rows])
    return np.stack(pictures), np.stack(said)


def _slots(made: tuple[NDArray[np.uint8], NDArray[np.int64]], whole: bool) -> tuple[NDArray[np.float32], list[dict[str, str]]]:
    """Slots of strings, or whole strings with the same channels, and what is true of them."""
    x, y = made
    parents = [f"{row:05d}" for row in range(len(x))]
    pool = SlotPool(ArrayPool(x, parents), SLOTS, whole)
    values = pool.values(dict(zip(parents, _answers(y), strict=True)))
    return np.stack([pool.load(item) for item in pool.ids()]), [values[item] for item in pool.ids()]


def _answers(y: NDArray[np.int64]) -> list[dict[str, str]]:
    return [dict(zip(SLOTS, (CLASSES[digit] for digit in row), strict=True)) for row in y.tolist()]


def _loaded(x: NDArray[np.uint8], y: NDArray[np.int64], last: int = 0) -> Loaded:
    return Loaded(x, y[:, 0], CLASSES, _answers(y), dev=range(len(x) - last, len(x)), space={"slots": list(SLOTS)})


def _partly(x: NDArray[np.float32], values: list[dict[str, str]], last: int = 0) -> Loaded:
    return Loaded(x, np.empty(0, dtype=np.int64), CLASSES, values, dev=range(len(x) - last, len(x)), space={"slots": list(SLOTS)})
