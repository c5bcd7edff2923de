"""Numbers written by hand, to be read as texts: two to six of scikit-learn's digits in a picture. **Synthetic**: real digits, invented numbers.

Zeros at the front may be read or left out: both texts are right. The pictures are painted as those of `digit-strings`, and likewise no digit of
the pool is in the development or the final set.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from querist.core.optional import require
from querist.core.rng import stream
from querist.data.datasets.glyphs import paint
from querist.data.datasets.registry import Loaded

ALPHABET = "0123456789"
LONGEST = 6
_STRINGS = {"pool": (slice(0, 1_200), 2_000), "dev": (slice(1_200, 1_500), 500), "final": (slice(1_500, None), 500)}
"""Part → which digits it is made of, and how many pictures."""


def digit_lines(root: str | None) -> Loaded:
    """2,500 pictures; the last 500 are the development split."""
    pool, dev = _made("pool"), _made("dev")
    count = len(pool[0]) + len(dev[0])
    return _loaded(np.concatenate([pool[0], dev[0]]), pool[1] + dev[1], range(len(pool[0]), count))


def digit_lines_final(root: str | None) -> Loaded:
    """500 pictures of digits that no other has."""
    return _loaded(*_made("final"))


def answers(digits: str) -> list[str]:
    """The right texts of a number: as it stands, and without zeros at the front."""
    return list(dict.fromkeys([digits, digits.lstrip("0") or "0"]))


def _made(part: str) -> tuple[NDArray[np.uint8], list[list[str]]]:
    bunch = require("sklearn.datasets", by="the data set digit-lines").load_digits()
    which, count = _STRINGS[part]
    images, labels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[which], bunch.target[which]
    rng = stream(0, {"pool": 1, "dev": 2, "final": 3}[part], "oracle")
    rows = [rng.integers(len(images), size=int(rng.integers(2, LONGEST + 1))) for _ in range(count)]
    return np.stack([paint(images[row], rng) for row in rows]), [answers("".join(map(str, labels[row]))) for row in rows]


def _loaded(x: NDArray[np.uint8], values: list[list[str]], dev: range = range(0)) -> Loaded:
    return Loaded(x, np.empty(0, dtype=np.int64), (), values, dev=dev, space={"alphabet": ALPHABET, "longest": LONGEST})
