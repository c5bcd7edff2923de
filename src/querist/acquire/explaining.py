"""Why each pick was picked: the method's own reason, and how far the nearest labelled item is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from querist.core.contracts import PoolView
from querist.core.records import Selection
from querist.kernels.nearest import nearest


def explained(chosen: Selection, view: PoolView, points: Any) -> Selection:
    """The selection with a note on every pick.

    Args:
        chosen: What a method chose; picks without a note get their score.
        view: The round; its labelled items are compared where there are any.
        points: Features (len(chosen), d) of the picks, or None where there are none.

    Returns:
        The same picks. The nearest labelled item is named where both it and the pick have finite features.
    """
    notes = list(chosen.note) or [f"score {score:.4g}" for score in chosen.scores]
    if points is None or not len(points) or not len(view.labelled):
        return replace(chosen, note=tuple(notes))
    with np.errstate(invalid="ignore", over="ignore"):
        rows, squared = nearest(points, view.stat("features", "labelled"))
    for place, (row, distance) in enumerate(zip(rows, np.sqrt(squared), strict=True)):
        if np.isfinite(distance):
            notes[place] += f"; nearest labelled {view.labelled[row]} at {distance:.4g}"
    return replace(chosen, note=tuple(notes))
