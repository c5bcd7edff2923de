"""Variants of named data sets, spelled in the name: `digits+longtail50`, `wine+noise10+repeat5`.

A variant changes what may be asked and leaves the development split, the final test set and the classes as they are. Several
are applied from left to right: `+noise10+repeat5` repeats the wrong labels, `+repeat5+noise10` draws them for every copy. All
draws come from a stream seeded by the name up to and including the variant, so a name is one data set for ever. Numbers that
a variant computes from inputs (spreads) are computed from the pool alone.

References:
    Long tails: Cui et al. 2019, arXiv:1901.05555. Repetition with noise: Kirsch et al. 2019, arXiv:1906.08158 (Repeated-MNIST).
    Label noise in active learning: Munjal et al. 2022, arXiv:2002.09564.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import UsageError
from querist.core.rng import stream

REPEAT_NOISE = 0.1
"""Standard deviation of the noise on repeated inputs, in standard deviations of the pool's: of each feature of a table, of all grey levels of pictures."""
VEIL = 0.4, 1.0
"""Range of the contrast that shifted pictures keep; the rest of each is an even grey of its own."""
SCALE, OFFSET = 1.5, 0.5
"""Shifted features are scaled by 1/SCALE to SCALE about their mean and moved by up to ± OFFSET standard deviations."""
_ROWS = 4096


@dataclass(frozen=True)
class Rows:
    """The items that may be asked.

    Attributes:
        ids: One id a row.
        x: Inputs (n, …).
        y: Class positions (n,).
        classes: Number of classes.
    """

    ids: tuple[str, ...]
    x: NDArray[Any]
    y: NDArray[np.int64]
    classes: int

    def take(self, chosen: NDArray[np.int64]) -> Rows:
        """These rows, in this order."""
        return replace(self, ids=tuple(self.ids[row] for row in chosen), x=self.x[chosen], y=self.y[chosen])


Change = Callable[[Rows, int, np.random.Generator], Rows]


@dataclass(frozen=True)
class Variant:
    """A way to change a pool.

    Attributes:
        name: How it is spelled, before its number.
        does: What it does, in a sentence with `N` for the number.
        change: Does it.
        low: Smallest number; 0 with `high` 0 where it takes none.
        high: Largest number.
        numbers: Whether inputs must be numbers; texts are refused.
    """

    name: str
    does: str
    change: Change
    low: int = 0
    high: int = 0
    numbers: bool = False

    @property
    def spelled(self) -> str:
        """Its name with `N` where a number stands."""
        return f"+{self.name}{'N' if self.high else ''}"


def split(name: str) -> tuple[str, tuple[str, ...]]:
    """The name of the set and those of the variants: `digits+noise10` is `digits` and `noise10`."""
    base, *wanted = name.split("+")
    return base, tuple(wanted)


def base_name(name: str) -> str:
    """The name without its variants."""
    return split(name)[0]


def parse(name: str) -> list[tuple[Variant, int]]:
    """The variants of a name with their numbers, in order.

    Raises:
        UsageError: for a variant that does not exist, stands twice, or has a number out of range.
    """
    found: list[tuple[Variant, int]] = []
    for spelled in split(name)[1]:
        match = re.fullmatch(r"([a-z]+)(\d*)", spelled)
        variant = VARIANTS.get(match[1]) if match else None
        if variant is None or match is None:
            raise UsageError(f"there is no variant {spelled!r} of a data set", got=name, wanted=", ".join(each.spelled for each in VARIANTS.values()))
        number = int(match[2] or 0)
        if bool(match[2]) != bool(variant.high) or not variant.low <= number <= variant.high:
            wanted = f"a number from {variant.low} to {variant.high}, as +{variant.name}{variant.low}" if variant.high else "no number"
            raise UsageError(f"the variant {variant.name!r} has a wrong number", got=name, wanted=wanted)
        if any(variant is other for other, _ in found):
            raise UsageError(f"the variant {variant.name!r} stands twice in the name of a data set", got=name)
        found.append((variant, number))
    return found


def varied(base: str, name: str, rows: Rows) -> Rows:
    """The pool of a variant.

    Args:
        base: Name of the set as the table of sets spells it, which seeds the draws.
        name: The name with its variants.
        rows: The pool of the set itself, in canonical order.

    Raises:
        UsageError: for variants that do not exist or do not suit the set.
    """
    so_far = base
    for (variant, number), spelled in zip(parse(name), split(name)[1], strict=True):
        if variant.numbers and rows.x.dtype.kind not in "biuf":
            raise UsageError(f"the variant {variant.name!r} changes inputs that are numbers", got=f"{base}, a set of texts", wanted=", ".join(_for_texts()))
        so_far = f"{so_far}+{spelled}"
        seed = int.from_bytes(hashlib.sha256(so_far.encode()).digest()[:6])
        rows = variant.change(rows, number, stream(seed, 0, "split"))
    return rows


def _for_texts() -> list[str]:
    return [variant.spelled for variant in VARIANTS.values() if not variant.numbers]


def _longtail(rows: Rows, ratio: int, rng: np.random.Generator) -> Rows:
    there = np.bincount(rows.y, minlength=rows.classes)
    share = float(ratio) ** (-np.arange(rows.classes) / max(rows.classes - 1, 1))
    most = float((there / share).min())  # the head is as large as every class allows, so the ratio is exact up to rounding
    wanted = np.floor(most * share + 0.5).astype(np.int64)
    if wanted.min() < 1:
        raise UsageError(f"the pool is too small for a tail of 1 to {ratio}", got=f"classes of {', '.join(map(str, there))} items", wanted="a smaller ratio")
    kept = [np.flatnonzero(rows.y == place)[np.sort(rng.permutation(there[place])[: wanted[place]])] for place in range(rows.classes)]
    return rows.take(np.sort(np.concatenate(kept)))


def _repeat(rows: Rows, times: int, rng: np.random.Generator) -> Rows:
    noise = REPEAT_NOISE * _moments(rows.x)[1]
    copies = np.empty((times * len(rows.x), *rows.x.shape[1:]), dtype=rows.x.dtype)
    for copy in range(times):
        for part in _parts(len(rows.x)):
            block = rows.x[part]
            there = slice(copy * len(rows.x) + part.start, copy * len(rows.x) + part.start + len(block))
            copies[there] = _as(block + noise * rng.standard_normal(block.shape), rows.x.dtype)
    ids = [item if copy == 1 else f"{item}~{copy}" for copy in range(1, times + 1) for item in rows.ids]
    return replace(rows, ids=tuple(ids), x=copies, y=np.tile(rows.y, times))


def _noise(rows: Rows, percent: int, rng: np.random.Generator) -> Rows:
    wrong = rng.permutation(len(rows.y))[: round(percent / 100 * len(rows.y))]
    y = rows.y.copy()
    y[wrong] = (y[wrong] + rng.integers(1, rows.classes, size=len(wrong))) % rows.classes
    return replace(rows, y=y)


def _outlier(rows: Rows, percent: int, rng: np.random.Generator) -> Rows:
    """Marginals as in the pool and nothing else: each number of an outlier is that of another item, drawn for itself."""
    lent = rng.permutation(len(rows.x))[: round(percent / 100 * len(rows.x))]
    flat = rows.x.reshape(len(rows.x), -1)
    made = np.stack([flat[rng.integers(len(flat), size=flat.shape[1]), np.arange(flat.shape[1])] for _ in lent]) if len(lent) else flat[:0]
    x = np.concatenate([rows.x, made.reshape(len(lent), *rows.x.shape[1:])])
    return replace(rows, ids=(*rows.ids, *(f"{rows.ids[row]}~o" for row in lent)), x=x, y=np.concatenate([rows.y, rows.y[lent]]))


def _shift(rows: Rows, _: int, rng: np.random.Generator) -> Rows:
    return replace(rows, x=_scaled(rows.x, rng) if rows.x.ndim == 2 else _veiled(rows.x, rng))


def _scaled(x: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Another calibration of every feature."""
    mean, spread = _moments(x)
    factor = SCALE ** rng.uniform(-1, 1, x.shape[1])
    moved = mean + (x - mean) * factor + OFFSET * rng.uniform(-1, 1, x.shape[1]) * spread
    return _as(moved, x.dtype)


def _veiled(x: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Haze: every picture keeps a share of its contrast, the rest is an even grey."""
    top = 255.0 if x.dtype == np.uint8 else float(x.max())
    wide = (len(x), *[1] * (x.ndim - 1))
    kept, grey = rng.uniform(*VEIL, wide), rng.uniform(0, top, wide)
    out = np.empty_like(x)
    for part in _parts(len(x)):
        out[part] = _as(kept[part] * x[part] + (1 - kept[part]) * grey[part], x.dtype)
    return out


def _moments(x: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each feature of a table, of all values of pictures."""
    axes = 0 if x.ndim == 2 else None
    count = len(x) if x.ndim == 2 else x.size
    mean = np.sum([x[part].sum(axis=axes, dtype=np.float64) for part in _parts(len(x))], axis=0) / count
    square = np.sum([((x[part] - mean) ** 2).sum(axis=axes) for part in _parts(len(x))], axis=0) / count
    return np.asarray(mean), np.sqrt(square)


def _as(x: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind == "f":
        return x.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(x), limits.min, limits.max).astype(dtype)


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, start + _ROWS) for start in range(0, n, _ROWS))


VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("longtail", "class counts fall geometrically from the first class to the last, N to 1; judge it by balanced accuracy", _longtail, 2, 1000),
        Variant(
            "repeat",
            f"every item N times (ids ~2 to ~N), each time with normal noise of {REPEAT_NOISE:g} standard deviations of the pool's inputs",
            _repeat, 2, 20, numbers=True,
        ),
        Variant("noise", "N % of the labels that the pool gives are wrong, evenly over the other classes", _noise, 1, 90),
        Variant(
            "outlier",
            "N % of the pool come on top as outliers (ids ~o): each of their numbers is drawn for itself among the pool's, the label is another item's",
            _outlier, 1, 100, numbers=True,
        ),
        Variant(
            "shift",
            f"the pool differs from the test items: pictures keep {VEIL[0]:.0%} to {VEIL[1]:.0%} of their contrast under an even grey; features are "
            f"scaled by 1/{SCALE:g} to {SCALE:g} about their mean and moved by up to {OFFSET:g} standard deviations",
            _shift, numbers=True,
        ),
    )
}  # fmt: skip
"""The variants, by name."""
