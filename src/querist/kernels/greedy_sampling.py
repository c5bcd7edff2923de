"""Greedy sampling for regression: the next item is the one farthest from all before it, in inputs, in outputs, or in both at once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

MODES = ("inputs", "outputs", "product", "paired")


def greedy_sampling(
    x: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, "n t"],
    known_x: Float[np.ndarray, "m d"],
    known_y: Float[np.ndarray, "m t"],
    k: int,
    mode: str = "product",
) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Rows that are picked in order, min(k, n) of them, and the distance of each at its time; equal distances: the lower row.

    With m = 0 the row next to the mean of x goes first, at distance infinity.

    Args:
        x: Inputs of the candidates.
        y: What is predicted for them; a pick counts as known with that.
        known_x: Inputs of what is known.
        known_y: Its outputs.
        k: Number of picks.
        mode: `inputs` (GSx), `outputs` (GSy), `product` of the two smallest distances, or `paired`: the smallest product (iGS).

    Reference:
        Wu, Lin & Huang 2019, "Active learning for regression using greedy sampling", arXiv 1808.04245.
    """
    left = np.asarray(x, dtype=np.float64)
    right = np.asarray(y, dtype=np.float64)
    near = [np.full(len(left), np.inf) for _ in range(3)]
    for a, b in zip(np.asarray(known_x, dtype=np.float64), np.asarray(known_y, dtype=np.float64), strict=True):
        _nearer(near, left, right, a, b)
    free, picks, values = np.ones(len(left), dtype=bool), [], []
    for _ in range(min(k, len(left))):
        if np.isinf(near[2]).all():
            row, value = int(_apart(left, left.mean(axis=0)).argmin()), np.inf
        else:
            score = np.where(free, _joined(near, mode), -1.0)
            row = int(score.argmax())
            value = float(score[row])
        free[row] = False
        picks.append(row)
        values.append(value)
        _nearer(near, left, right, left[row], right[row])
    return np.array(picks, dtype=np.int64), np.array(values, dtype=np.float64)


def _joined(near: list[np.ndarray], mode: str) -> np.ndarray:
    """Distances (n,) by mode, from the smallest in inputs, in outputs, and of the products."""
    return near[0] * near[1] if mode == "product" else near[{"inputs": 0, "outputs": 1, "paired": 2}[mode]]


def _nearer(near: list[np.ndarray], x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """Take one more known point into account."""
    inputs, outputs = _apart(x, a), _apart(y, b)
    for place, distance in enumerate((inputs, outputs, inputs * outputs)):
        np.minimum(near[place], distance, out=near[place])


def _apart(x: np.ndarray, point: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.square(x - point).sum(axis=1)))
