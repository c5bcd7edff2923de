"""What a subset keeps of the full accuracy, and whether chosen subsets keep more than random ones: plain numbers in, a verdict out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from querist.bench.statistics import LEAST_SEEDS, MARGIN, Verdict, judged, paired_t

SHARES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Parts of the pool that are trained on."""
RANDOM: Final = "random"
BEST: Final = ("top", "spread")
"""Families of chosen subsets that are compared with random ones: the most important items, and important items apart from each other."""
FAMILIES: Final = (RANDOM, *BEST, "bottom")

SMALL: Final = 0.2
"""A small subset is at most this share of the pool."""
ENOUGH: Final = 0.99
"""A subset is sufficient if it reaches this share of the full accuracy."""
GAIN: Final = 0.01
"""A chosen subset must be better than a random one of its size by this much accuracy to be worth it."""

Word = Literal["worth it", "not shown", "no small sufficient subset"]


@dataclass(frozen=True, slots=True)
class Kept:
    """What subsets of one family and size reach.

    Attributes:
        family: How they were chosen.
        share: Part of the pool.
        items: Number of items.
        accuracy: On the development split, one per seed.
        of_full: Mean over that of the whole pool.
    """

    family: str
    share: float
    items: int
    accuracy: tuple[float, ...]
    of_full: float

    @property
    def mean(self) -> float:
        """Mean accuracy over the seeds."""
        return float(np.mean(self.accuracy))


@dataclass(frozen=True, slots=True)
class Contrast:
    """A chosen subset against a random one of its size, paired by seed; p is Holm-adjusted over all of them."""

    family: str
    share: float
    items: int
    difference: float
    low: float | None
    high: float | None
    n: int
    p: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """The plain verdict: the word, the best small subset beside a random one, and what the random one lacks.

    Attributes:
        word: `worth it`: a chosen small subset is better than a random one by at least `GAIN`, with an interval that excludes 0.
            `no small sufficient subset`: none of them, and no small subset at all reaches `ENOUGH`. `not shown`: anything else.
        share: The share it is said at.
        best: Family of the best chosen subset there.
        best_of_full: What it reaches of the full accuracy.
        random_of_full: What a random one reaches.
        difference: Accuracy of the one minus that of the other.
        low: Lower end of the 95 % interval.
        high: Upper end.
    """

    word: Word
    share: float
    best: str
    best_of_full: float
    random_of_full: float
    difference: float
    low: float | None
    high: float | None
    n: int


def sizes(items: int, classes: int) -> dict[float, int]:
    """Share → number of items, at least one a class; shares that give the same number are said once, by the largest."""
    found: dict[int, float] = {}
    for share in SHARES:
        found[min(items, max(round(share * items), classes, 2))] = share
    return {share: count for count, share in found.items()}


def contrasts(kept: Sequence[Kept], margin: float = MARGIN) -> list[Contrast]:
    """Chosen small subsets against random ones of their size."""
    cells = {(row.family, row.share): row for row in kept}
    chosen = [row for row in kept if row.family in BEST and row.share <= SMALL and (RANDOM, row.share) in cells]
    pairs = [paired_t(dict(enumerate(row.accuracy)), dict(enumerate(cells[RANDOM, row.share].accuracy))) for row in chosen]
    return [
        Contrast(row.family, row.share, row.items, pair.difference, pair.low, pair.high, pair.n, p, word)
        for row, pair, (p, word) in zip(chosen, pairs, judged(pairs, margin), strict=True)
    ]


def finding(kept: Sequence[Kept], compared: Sequence[Contrast]) -> Finding:
    """The verdict; see `Finding`. It is said at the largest small share, or the largest at which a gain is proven."""
    cells = {(row.family, row.share): row for row in kept}
    proven = [row for row in compared if row.verdict == "better" and row.difference >= GAIN]
    if proven:
        shown = max(proven, key=lambda row: (row.share, row.difference))
    else:
        last = max(row.share for row in compared)
        shown = max((row for row in compared if row.share == last), key=lambda row: row.difference)
    sufficient = any(row.share <= SMALL and row.of_full >= ENOUGH for row in kept)
    word: Word = "worth it" if proven else "not shown" if sufficient or shown.n < LEAST_SEEDS else "no small sufficient subset"
    best, plain = cells[shown.family, shown.share], cells[RANDOM, shown.share]
    return Finding(word, shown.share, shown.family, best.of_full, plain.of_full, shown.difference, shown.low, shown.high, shown.n)


def gini(values: NDArray[np.float64]) -> float:
    """The Gini coefficient of non-negative values: 0 if all are equal, towards 1 if few have everything."""
    ordered = np.sort(values)
    n, total = len(ordered), float(ordered.sum())
    if not total > 0:
        return 0.0
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * total))


def thresholds() -> Mapping[str, float]:
    """Everything that the verdict hangs on, for the record."""
    return {"small": SMALL, "enough": ENOUGH, "gain": GAIN, "least_seeds": LEAST_SEEDS}
