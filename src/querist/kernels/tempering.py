"""Temperature: probabilities made more or less confident without changing their order, and how well they are calibrated.

Reference:
    Guo et al. 2017, arXiv 1706.04599.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def tempered(probs: Float[np.ndarray, "n c"], temperature: float) -> Float[np.ndarray, "n c"]:
    """The softmax of log p / temperature, float64: 1 changes nothing, infinity makes the possible classes equal."""
    if np.isinf(temperature):
        possible = (probs > 0).astype(np.float64)
        return np.asarray(possible / possible.sum(axis=1, keepdims=True))
    with np.errstate(divide="ignore"):
        scaled = np.log(probs.astype(np.float64)) / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def calibration_error(probs: Float[np.ndarray, "n c"], labels: Int[np.ndarray, " n"], bins: int = 15) -> float:
    """Expected calibration error: mean over items of |accuracy - confidence| of their bin, in [0, 1]; bins (a, b] of equal width."""
    confidence = probs.max(axis=1).astype(np.float64)
    surplus = (probs.argmax(axis=1) == labels) - confidence
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    return float(np.abs(np.bincount(place, weights=surplus, minlength=bins)).sum() / max(len(labels), 1))


def best_temperature(probs: Float[np.ndarray, "n c"], labels: Int[np.ndarray, " n"], grid: Float[np.ndarray, " t"], bins: int = 15) -> float:
    """The first temperature of the grid with the smallest calibration error."""
    errors = [calibration_error(tempered(probs, float(value)), labels, bins) for value in grid]
    return float(grid[int(np.argmin(errors))])
