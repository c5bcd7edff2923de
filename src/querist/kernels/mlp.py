"""A small binary classifier in NumPy: ReLU layers, logistic loss, Adam. No torch, no global stream; the dtype is that of the input.

It serves DAL, which trains many short-lived classifiers of a few thousand rows; on these sizes a framework's overhead per step
is of the order of the arithmetic.

Reference:
    Kingma & Ba 2015, arXiv 1412.6980; initial weights as in Glorot & Bengio 2010.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

Layers = list[tuple[np.ndarray, np.ndarray]]
"""Weights (in, out) and biases (out,) of each layer; ReLU between them, one output."""

ROWS = 4096
"""Rows scored at a time."""

BETAS, EPSILON = (0.9, 0.999), 1e-8
"""Adam's constants."""


class Trained(NamedTuple):
    """The network, how many steps it took, and its last accuracy on the training rows."""

    layers: Layers
    steps: int
    accuracy: float


def initial(sizes: Sequence[int], rng: np.random.Generator, dtype: np.dtype) -> Layers:
    """Weights uniform in ±√(6 / (in + out)), biases 0."""
    bounds = [(6.0 / (a + b)) ** 0.5 for a, b in pairwise(sizes)]
    return [(rng.uniform(-r, r, size=pair).astype(dtype), np.zeros(pair[1], dtype=dtype)) for r, pair in zip(bounds, pairwise(sizes), strict=True)]


def logits(layers: Layers, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
    """Log-odds of the positive class, in blocks of rows."""
    return _odds(layers, x)


def loss_and_gradients(layers: Layers, x: Float[np.ndarray, "n d"], y: Bool[np.ndarray, " n"], weights: Float[np.ndarray, " n"]) -> tuple[float, Layers]:
    """Σ w_i · (logistic loss of row i), and its derivatives in the shape of the layers."""
    score = logits(layers, x)
    return float(weights @ np.logaddexp(0.0, np.where(y, -score, score))), _gradients(layers, x, y, weights)


def train(
    x: Float[np.ndarray, "n d"],
    y: Bool[np.ndarray, " n"],
    layers: Layers,
    rng: np.random.Generator,
    *,
    rate: float,
    steps: int,
    batch: int,
    stop: float,
) -> Trained:
    """Adam on class-balanced logistic loss, from given layers (which are left as they are).

    Args:
        x: Rows.
        y: Class; both classes are present, and each has half of the total weight.
        layers: Start.
        rng: Shuffles the rows of each epoch.
        rate: Learning rate.
        steps: Most steps.
        batch: Rows a step.
        stop: Stop after an epoch once more than this share of the rows is on its right side.
    """
    shares = np.where(y, len(y) / (2.0 * y.sum()), len(y) / (2.0 * (~y).sum())).astype(x.dtype)
    # One flat vector, seen as layers: an Adam step is then a handful of operations, whatever the number of layers.
    flat = _flat(layers)
    now = _as_layers(flat, layers)
    mean, square = np.zeros_like(flat), np.zeros_like(flat)
    done, accuracy = 0, _accuracy(now, x, y)
    while done < steps and accuracy <= stop:
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch)[: steps - done]:
            rows, done = order[start : start + batch], done + 1
            gradient = _flat(_gradients(now, x[rows], y[rows], shares[rows] / x.dtype.type(len(rows))))
            mean += (1 - BETAS[0]) * (gradient - mean)
            square += (1 - BETAS[1]) * (gradient * gradient - square)
            scale = rate * (1 - BETAS[1] ** done) ** 0.5 / (1 - BETAS[0] ** done)
            flat -= scale * mean / (np.sqrt(square) + EPSILON)
        accuracy = _accuracy(now, x, y)
    return Trained(now, done, accuracy)


def _gradients(layers: Layers, x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Layers:
    values = _forward(layers, x)
    slope = (weights * (sigmoid(values[-1][:, 0]) - y))[:, None].astype(x.dtype)
    gradients: Layers = []
    for place in range(len(layers) - 1, -1, -1):
        gradients.append((values[place].T @ slope, slope.sum(axis=0)))
        if place:
            slope = (slope @ layers[place][0].T) * (values[place] > 0)
    return gradients[::-1]


def _flat(layers: Layers) -> np.ndarray:
    return np.concatenate([part.ravel() for layer in layers for part in layer])


def _as_layers(flat: np.ndarray, like: Layers) -> Layers:
    """Views of the vector in the shapes of the layers."""
    out: Layers = []
    at = 0
    for weight, bias in like:
        middle, end = at + weight.size, at + weight.size + bias.size
        out.append((flat[at:middle].reshape(weight.shape), flat[middle:end]))
        at = end
    return out


def _forward(layers: Layers, x: np.ndarray) -> list[np.ndarray]:
    """The input and the values of every layer, the last without ReLU."""
    values = [x]
    for place, (weight, bias) in enumerate(layers):
        out = values[-1] @ weight + bias
        values.append(out if place == len(layers) - 1 else np.maximum(out, 0))
    return values


def _accuracy(layers: Layers, x: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean((_odds(layers, x) > 0) == y))


def _odds(layers: Layers, x: np.ndarray) -> np.ndarray:
    parts = [_forward(layers, x[first : first + ROWS])[-1][:, 0] for first in range(0, len(x), ROWS)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=x.dtype)


def sigmoid(score: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-z) without overflow."""
    small = np.exp(-np.abs(score))
    return np.asarray(np.where(score >= 0, 1.0, small) / (1.0 + small))
