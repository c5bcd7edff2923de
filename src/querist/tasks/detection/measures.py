"""Average precision of boxes, as COCO computes it. Free of torch.

Reference:
    Lin et al. 2014, arXiv 1405.0312; precision is read at 101 recalls.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from querist.core.sites import Sites
from querist.kernels.boxes import box_iou

OVERLAPS: Final = np.arange(0.5, 0.96, 0.05)
"""Intersections over union at which a box counts as found; the first alone is AP50."""
MOST_BOXES: Final = 100
"""Boxes of an image that count, best first."""


@dataclass
class Tally:
    """Boxes of one class, over all images.

    Attributes:
        scores: Of the boxes that were found.
        hits: Whether each is right, at every overlap.
        truths: Number of boxes that there are.
    """

    scores: list[float] = field(default_factory=list)
    hits: list[NDArray[np.bool_]] = field(default_factory=list)
    truths: int = 0

    def precision(self) -> NDArray[np.float64]:
        """Average precision at every overlap."""
        if not self.scores:
            return np.zeros(len(OVERLAPS))
        order = np.argsort(-np.array(self.scores), kind="stable")
        right = np.cumsum(np.array(self.hits)[order], axis=0)
        precision = right / np.arange(1, len(order) + 1)[:, None]
        precision = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        reached = np.linspace(0, 1, 101)
        recall = right / max(self.truths, 1)
        areas = []
        for column in range(len(OVERLAPS)):
            first = np.searchsorted(recall[:, column], reached - 1e-12, side="left")
            areas.append(float(np.where(first < len(order), precision[np.minimum(first, len(order) - 1), column], 0.0).mean()))
        return np.array(areas)


def matches(overlap: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which boxes (m, overlaps) are right: each, best first, takes the free truth that it overlaps most, if by enough.

    Args:
        overlap: Intersection over union (m, t) of boxes, best first, and truths.
    """
    hits = np.zeros((len(overlap), len(OVERLAPS)), dtype=bool)
    free = np.ones((len(OVERLAPS), overlap.shape[1]), dtype=bool)
    every = np.arange(len(OVERLAPS))
    for row, shares in enumerate(overlap):
        wanted = np.where(free & (shares >= OVERLAPS[:, None] - 1e-9), shares, -1.0)
        taken = wanted.argmax(axis=1) if overlap.shape[1] else np.zeros(len(OVERLAPS), dtype=int)
        hits[row] = wanted[every, taken] >= 0 if overlap.shape[1] else False
        free[every[hits[row]], taken[hits[row]]] = False
    return hits


def average_precision(said: Iterable[Sites], targets: NDArray[np.floating], classes: int) -> dict[str, float]:
    """`ap50`, `ap75`, `ap` (mean over `OVERLAPS`), means over the classes that there are, and `boxes` found per image; empty without targets.

    Args:
        said: Boxes in `place`, class probabilities with background last in `probs`, in chunks that follow the rows of the targets.
        targets: (n, m, 5): boxes and class positions, NaN where there is none.
        classes: Without background.
    """
    tallies = [Tally() for _ in range(classes)]
    row = boxes = 0
    for chunk in said:
        for number in range(len(chunk)):
            one, truth = chunk.item(number), targets[row]
            boxes += one.count
            _compared(tallies, one, truth[~np.isnan(truth[:, 4])])
            row += 1
    there = [tally.precision() for tally in tallies if tally.truths]
    if not row or not there:
        return {}
    mean = np.mean(there, axis=0)
    return {"ap50": float(mean[0]), "ap75": float(mean[5]), "ap": float(mean.mean()), "boxes": boxes / row}


def _compared(tallies: list[Tally], one: Sites, truth: NDArray[np.floating]) -> None:
    assert one.probs is not None and one.place is not None
    probs = np.asarray(one.probs).mean(axis=1, dtype=np.float64)[:, :-1]
    score, label = probs.max(axis=1, initial=0.0), probs.argmax(axis=1) if len(probs) else np.empty(0, dtype=int)
    order = np.argsort(-score, kind="stable")[:MOST_BOXES]
    for position, tally in enumerate(tallies):
        mine = order[label[order] == position]
        real = truth[truth[:, 4] == position, :4].astype(np.float64)
        tally.truths += len(real)
        if len(mine):
            tally.scores += score[mine].tolist()
            tally.hits += list(matches(box_iou(np.asarray(one.place)[mine].astype(np.float64), real)))
