"""How right masks of objects are: average precision as COCO computes it, Dice, and how far off the count is. Free of torch."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from querist.core.sites import Sites
from querist.tasks.detection.measures import MOST_BOXES, Tally, matches

COUNTED = 0.5
"""Score from which on an object counts."""


def measured(said: Iterable[tuple[Sites, list[NDArray[np.float64]]]], labels: list[NDArray[np.int64]], classes: int) -> dict[str, float]:
    """`mask_ap50`, `mask_ap` (means over the classes that there are), `dice` of every object with what overlaps it most, and `count_error` per image.

    Args:
        said: Chunks in the order of `labels`, each with the overlaps (m, t) of every item's masks and true masks.
        labels: Class positions (t,) of the true objects of every item.
        classes: Without background.
    """
    tallies = [Tally() for _ in range(classes)]
    dice: list[float] = []
    away: list[int] = []
    for chunk, overlaps in said:
        for number, overlap in enumerate(overlaps):
            truth, one = labels[len(away)], chunk.item(number)
            score, label = one.extra["score"], one.extra["label"]
            order = np.argsort(-score, kind="stable")[:MOST_BOXES]
            for position, tally in enumerate(tallies):
                mine, real = order[label[order] == position], truth == position
                tally.truths += int(real.sum())
                if len(mine):
                    tally.scores += score[mine].tolist()
                    tally.hits += list(matches(overlap[np.ix_(mine, np.flatnonzero(real))]))
            sure = overlap[score >= COUNTED]
            dice += [2 * best / (1 + best) for best in sure.max(axis=0, initial=0.0).tolist()]
            away.append(abs(len(sure) - len(truth)))
    there = [tally.precision() for tally in tallies if tally.truths]
    if not there:
        return {}
    mean = np.mean(there, axis=0)
    return {"mask_ap50": float(mean[0]), "mask_ap": float(mean.mean()), "dice": float(np.mean(dice)), "count_error": float(np.mean(away))}
