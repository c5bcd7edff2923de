"""Greedy batches that trade a fixed score against the distance to what is covered."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.farthest import nearest_to_mean
from querist.kernels.nearest import nearest
from querist.kernels.points import Vectors

ROWS = 4096
"""Points whose distances to a pick are computed at a time."""


def traded(
    x: Float[np.ndarray, "n d"], covered: Float[np.ndarray, "m d"], scores: Float[np.ndarray, " n"], share: float, k: int,
    classes: Int[np.ndarray, " n"] | None = None,
) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:  # fmt: skip
    """Argmax of share · u + (1 − share) · v after every pick: u the scores and v the distance to the nearest covered or picked point, each in [0, 1].

    Args:
        x: The candidates.
        covered: Points that cover already; may be empty.
        scores: Of the candidates; brought to [0, 1] by their least and largest, 0 where all are equal.
        share: Of the score: 1 is the best scores, 0 is farthest-first.
        k: Picks.
        classes: Of the candidates: none has more than its even share of the picks as long as others have candidates left.

    Returns:
        Rows, min(k, n) distinct ones, ties to the lower row, and the value of each when it was picked.
    """
    k = min(k, len(x))
    u = _unit(np.asarray(scores, dtype=np.float64))
    gap = np.sqrt(nearest(x, covered)[1]) if len(covered) else np.full(len(x), np.inf)
    if not len(covered):  # the first pick is central, as farthest-first has it: v says so
        gap[:] = 0.0
        gap[nearest_to_mean(Vectors(x))] = 1.0
    scale = float(gap.max()) or 1.0
    left, quota = np.ones(len(x), dtype=bool), _quota(classes, k)
    rows, values = [], []
    for turn in range(k):
        allowed = left & (quota[classes] > 0) if classes is not None and quota is not None else left
        allowed = allowed if allowed.any() else left
        value = np.where(allowed, share * u + (1.0 - share) * gap / scale, -np.inf)
        row = int(value.argmax())
        rows.append(row)
        values.append(float(value[row]))
        left[row] = False
        if classes is not None and quota is not None:
            quota[classes[row]] -= 1
        away = _distances(x, row)
        if not turn and not len(covered):
            gap, scale = away, float(away.max()) or 1.0
        else:
            np.minimum(gap, away, out=gap)
    return np.asarray(rows, dtype=np.int64), np.asarray(values, dtype=np.float64)


def _unit(scores: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    low, high = (float(scores.min()), float(scores.max())) if len(scores) else (0.0, 0.0)
    return np.asarray((scores - low) / (high - low)) if high > low else np.zeros(len(scores))


def _quota(classes: Int[np.ndarray, " n"] | None, k: int) -> Int[np.ndarray, " c"] | None:
    if classes is None or not len(classes):
        return None
    present = len(np.unique(classes))
    return np.full(int(classes.max()) + 1, -(-k // present))


def _distances(x: Float[np.ndarray, "n d"], row: int) -> Float[np.ndarray, " n"]:
    centre, out = x[row].astype(np.float64), np.empty(len(x))
    for first in range(0, len(x), ROWS):
        gap = x[first : first + ROWS] - centre
        out[first : first + ROWS] = np.sqrt(np.einsum("nd,nd->n", gap, gap))
    return out
