"""Temperature scaling and calibration error. Log-probabilities serve as logits: softmax(log p / T) is the same.

Reference:
    Guo et al. 2017, arXiv 1706.04599; equal-mass bins as in Nguyen & O'Connor 2015.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, Num

from querist.kernels.information import BLOCK

LOW, HIGH = 0.1, 100.0
"""Temperatures that are considered; below 0.1 a float32 probability keeps no order near certainty."""
GRID = 41
STEPS = 48
"""Golden sections: the bracket of two grid points shrinks by 1e-10."""


def temper(probs: Float[np.ndarray, "*s c"], temperature: float) -> Float[np.ndarray, "*s c"]:
    """p^(1/T), normalised over the last axis; zeros stay zeros. Computed in float64 and in log space, returned in the input's type.

    An infinite temperature makes the possible classes equal.
    """
    if np.isinf(temperature):
        possible = (probs > 0).astype(probs.dtype)
        return np.asarray(possible / possible.sum(axis=-1, keepdims=True))
    out = np.empty_like(probs)
    flat, made = probs.reshape(-1, probs.shape[-1]), out.reshape(-1, probs.shape[-1])
    step = max(1, BLOCK // max(1, probs.shape[-1]))
    for start in range(0, len(flat), step):
        made[start : start + step] = np.exp(_tempered(_log(flat[start : start + step]), temperature))
    return out


def negative_log_likelihood(scores: Float[np.ndarray, "n k c"], labels: Int[np.ndarray, " n"], temperature: float = 1.0) -> float:
    """Mean of -log of the label's probability, averaged over k samples, after tempering each sample.

    Args:
        scores: Logits or log-probabilities.
        labels: Class positions.
        temperature: T > 0.
    """
    own = np.take_along_axis(_tempered(scores.astype(np.float64), temperature), labels[:, None, None], axis=2)[:, :, 0]
    top = np.maximum(own.max(axis=1, keepdims=True), -1e300)
    with np.errstate(divide="ignore"):
        return float(-(top[:, 0] + np.log(np.exp(own - top).mean(axis=1))).mean())


def fit_temperature(scores: Float[np.ndarray, "n k c"], labels: Int[np.ndarray, " n"]) -> float:
    """The temperature in [0.1, 100] of least negative log-likelihood: a grid over log T, then golden sections.

    For k = 1 the likelihood is unimodal in T, and this is its minimum; where every item is classified rightly the minimum is at
    T → 0 and 0.1 comes back, so fit on items that were not trained on. 1 for no items.

    Args:
        scores: Logits or log-probabilities, not -inf for the labels.
        labels: Class positions.
    """
    if not len(labels):
        return 1.0
    grid = np.linspace(np.log(LOW), np.log(HIGH), GRID)
    losses = [negative_log_likelihood(scores, labels, float(np.exp(point))) for point in grid]
    best = int(np.argmin(losses))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, GRID - 1)])
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    for _ in range(STEPS):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if negative_log_likelihood(scores, labels, float(np.exp(left))) <= negative_log_likelihood(scores, labels, float(np.exp(right))):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def calibration_error(probs: Num[np.ndarray, "n c"], labels: Int[np.ndarray, " n"], bins: int = 15, equal_mass: bool = False) -> float:
    """Expected calibration error Σ_b |B_b|/n · |accuracy(B_b) - confidence(B_b)|, in [0, 1]; 0 for no items.

    Args:
        probs: Class probabilities.
        labels: Class positions.
        bins: Number of bins.
        equal_mass: Bins hold equal numbers of items in order of confidence; else they divide [0, 1] evenly, (a, b] each.
    """
    if not len(labels):
        return 0.0
    confidence = probs.max(axis=1).astype(np.float64)
    right = (probs.argmax(axis=1) == labels).astype(np.float64)
    if equal_mass:
        place = np.empty(len(labels), dtype=np.int64)
        place[np.argsort(confidence, kind="stable")] = np.arange(len(labels)) * bins // len(labels)
    else:
        place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def best_temperature(probs: Float[np.ndarray, "n c"], labels: Int[np.ndarray, " n"], grid: Float[np.ndarray, " t"], bins: int = 15) -> float:
    """The first temperature of the grid with the smallest calibration error."""
    errors = [calibration_error(temper(probs, float(value)), labels, bins) for value in grid]
    return float(grid[int(np.argmin(errors))])


def _log(p: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(p.astype(np.float64)))


def _tempered(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Logarithm of softmax(scores / T) over the last axis."""
    scaled = (scores - scores.max(axis=-1, keepdims=True)) / temperature
    return np.asarray(scaled - np.log(np.exp(scaled).sum(axis=-1, keepdims=True)))
