"""Gradient boosting of stumps that answer all outputs at once: a classifier, and a regressor of its losses.

Reference:
    Friedman 2001, "Greedy function approximation"; Chen & Guestrin 2016 (second-order leaves), arXiv 1603.02754.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from querist.kernels.logits import log_softmax

CUTS = 16
"""Thresholds of a column that are tried, midway between neighbouring values at even shares of the items."""

RIDGE = 1.0
"""Added to the curvature of a leaf: a leaf of one item is not believed."""

ELEMENTS = 1 << 20
"""Item × column × threshold, looked at a time."""

Slope = Callable[[Float[np.ndarray, "n m"]], tuple[Float[np.ndarray, "n m"], Float[np.ndarray, "n m"]]]
"""Outputs → negative gradients of the loss, and its curvatures, in each output."""


class Stumps(NamedTuple):
    """A sum of stumps.

    Attributes:
        base: (m,), the outputs before the first.
        column: (t,), which each reads.
        threshold: (t,): at most it is left.
        leaves: (t, 2, m), what is added left and right.
    """

    base: Float[np.ndarray, " m"]
    column: Int[np.ndarray, " t"]
    threshold: Float[np.ndarray, " t"]
    leaves: Float[np.ndarray, "t two m"]


def boosted(x: Float[np.ndarray, "n d"], slope: Slope, base: Float[np.ndarray, " m"], rounds: int, rate: float) -> Stumps:
    """Stumps one after another, each the one that lowers the loss of the sum most (to second order).

    Args:
        x: Items, float64.
        slope: Of the loss.
        base: Outputs to begin with.
        rounds: Stumps at most; fewer where nothing can be split.
        rate: Share of a stump that is added.
    """
    cuts = [thresholds(column) for column in x.T]
    columns = np.repeat(np.arange(x.shape[1]), [len(cut) for cut in cuts])
    values = np.concatenate(cuts) if cuts else np.empty(0)
    outputs = np.tile(base, (len(x), 1))
    found: list[tuple[int, float, np.ndarray]] = []
    for _ in range(rounds if len(values) else 0):
        gradient, curvature = slope(outputs)
        best = _best(x, columns, values, gradient, curvature)
        left = x[:, columns[best]] <= values[best]
        leaves = rate * np.stack([_leaf(gradient[side], curvature[side]) for side in (left, ~left)])
        found.append((int(columns[best]), float(values[best]), leaves))
        outputs += np.where(left[:, None], leaves[0], leaves[1])
    return Stumps(
        np.asarray(base, dtype=np.float64), np.array([one[0] for one in found], dtype=np.int64), np.array([one[1] for one in found]),
        np.array([one[2] for one in found]).reshape(len(found), 2, len(base)),
    )  # fmt: skip


def predicted(model: Stumps, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n m"]:
    """Outputs (n, m)."""
    out = np.tile(model.base, (len(x), 1))
    for column, threshold, leaves in zip(model.column, model.threshold, model.leaves, strict=True):
        out += leaves[np.where(x[:, column] <= threshold, 0, 1)]
    return out


def classifier(x: Float[np.ndarray, "n d"], y: Int[np.ndarray, " n"], classes: int, rounds: int, rate: float) -> Stumps:
    """Logits (·, classes), fitted to cross-entropy, from all classes alike."""
    target = np.eye(classes)[y]

    def slope(outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = np.exp(log_softmax(outputs))
        return target - p, p * (1.0 - p)

    return boosted(np.asarray(x, dtype=np.float64), slope, np.zeros(classes), rounds, rate)


def regressor(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, " n"], rounds: int, rate: float) -> Stumps:
    """One output, fitted to squared error, from the mean."""

    def slope(outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return y[:, None] - outputs, np.ones_like(outputs)

    return boosted(np.asarray(x, dtype=np.float64), slope, np.array([y.mean()]), rounds, rate)


def held_out_losses(x: Float[np.ndarray, "n d"], y: Int[np.ndarray, " n"], classes: int, folds: int, rounds: int, rate: float) -> Float[np.ndarray, " n"]:
    """Cross-entropy in nats of each item under a classifier that was fitted without its fold; every class is spread over the folds."""
    order = np.argsort(y, kind="stable")
    fold = np.empty(len(y), dtype=np.int64)
    fold[order] = np.arange(len(y)) % folds
    losses = np.empty(len(y))
    for held in range(folds):
        out = fold == held
        if out.any():
            model = classifier(x[~out], y[~out], classes, rounds, rate)
            losses[out] = -log_softmax(predicted(model, np.asarray(x[out], dtype=np.float64)))[np.arange(out.sum()), y[out]]
    return losses


def thresholds(column: Float[np.ndarray, " n"]) -> Float[np.ndarray, " t"]:
    """At most `CUTS` places midway between neighbouring values; none for a constant."""
    ordered = np.sort(column)
    gaps = np.flatnonzero(ordered[1:] > ordered[:-1])
    if len(gaps) > CUTS:
        gaps = gaps[np.unique(np.searchsorted(gaps, (np.arange(CUTS) + 0.5) * len(column) / CUTS).clip(max=len(gaps) - 1))]
    return np.asarray(ordered[gaps] + (ordered[gaps + 1] - ordered[gaps]) / 2.0)


def _best(x: np.ndarray, columns: np.ndarray, values: np.ndarray, gradient: np.ndarray, curvature: np.ndarray) -> int:
    """The split with the largest gain Σ G² / (H + ridge) of its leaves; of equal ones the first."""
    total_g, total_h = gradient.sum(axis=0), curvature.sum(axis=0)
    gains = np.empty(len(values))
    step = max(1, ELEMENTS // max(len(x), 1))
    for first in range(0, len(values), step):
        part = slice(first, first + step)
        left: Bool[np.ndarray, "n s"] = x[:, columns[part]] <= values[part]
        g, h = left.T.astype(np.float64) @ gradient, left.T.astype(np.float64) @ curvature
        gains[part] = (g**2 / (h + RIDGE) + (total_g - g) ** 2 / (total_h - h + RIDGE)).sum(axis=1)
    return int(np.argmax(gains >= gains.max() * (1.0 - 1e-12)))


def _leaf(gradient: np.ndarray, curvature: np.ndarray) -> np.ndarray:
    return np.asarray(gradient.sum(axis=0) / (curvature.sum(axis=0) + RIDGE))
