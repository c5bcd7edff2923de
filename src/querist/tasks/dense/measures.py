"""How good class maps are: overlap of classes over all pixels, and how far outlines are apart. Free of torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from querist.core.optional import require
from querist.tasks.dense.runs import NOBODY


@dataclass
class Tally:
    """Counts that grow map by map.

    Attributes:
        classes: Number of classes; the first is the background.
        counts: (c, c): pixels of a true class (row) said to be of a class (column), those that nobody has labelled left out.
        gaps: Hausdorff distances so far, in pixels.
    """

    classes: int
    counts: NDArray[np.int64] = field(init=False)
    gaps: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = np.zeros((self.classes, self.classes), dtype=np.int64)

    def add(self, said: NDArray[Any], true: NDArray[Any]) -> None:
        """One map (h, w) or (d, h, w) of class positions, and what is true of it."""
        known = true != NOBODY
        cells = true[known].astype(np.int64) * self.classes + said[known]
        self.counts += np.bincount(cells, minlength=self.classes**2).reshape(self.classes, self.classes)
        for one in range(1, self.classes):
            a, b = (said == one) & known, true == one
            if a.any() or b.any():
                self.gaps.append(hausdorff(a, b))

    def measures(self) -> dict[str, float]:
        """See `measured`; empty before any labelled pixel."""
        if not self.counts.sum():
            return {}
        hits = np.diag(self.counts).astype(np.float64)
        there, said = self.counts.sum(axis=1), self.counts.sum(axis=0)
        either = there + said - hits
        overlap = np.divide(hits, either, out=np.zeros_like(hits), where=either > 0)
        dice = np.divide(2 * hits, there + said, out=np.zeros_like(hits), where=either > 0)
        objects = np.flatnonzero(either[1:] > 0) + 1
        found = {"miou": float(overlap[either > 0].mean()), "pixel_accuracy": float(hits.sum() / self.counts.sum())}
        if len(objects):
            found["dice"] = float(dice[objects].mean())
        if self.gaps:
            found["hausdorff"] = float(np.mean(self.gaps))
        return found


def measured(maps: Iterable[tuple[NDArray[Any], NDArray[Any]]], classes: int) -> dict[str, float]:
    """Measures of pairs (what is said, what is true). Empty without any labelled pixel.

    Returns:
        `miou`: mean over classes, background included, of intersection over union, pixels of all maps together; classes that are neither
        there nor said are left out. `dice`: the same of Dice over the classes after the first, which is the background. `pixel_accuracy`.
        `hausdorff`: mean over maps and classes after the first, where there or said, of the Hausdorff distance in pixels, lower is better.
    """
    tally = Tally(classes)
    for said, true in maps:
        tally.add(said, true)
    return tally.measures()


def hausdorff(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Largest distance from a place of one mask to the nearest of the other, in pixels; the diagonal of the map where one is empty, 0 where both are."""
    if not a.any() or not b.any():
        return float(np.linalg.norm(a.shape)) if a.any() or b.any() else 0.0
    transform: Any = require("scipy.ndimage", by="a Hausdorff distance").distance_transform_edt
    return float(max(transform(~b)[a].max(), transform(~a)[b].max()))
