"""Where a map of probabilities quarrels with its own neighbourhood, and the loudest place of each cell of an image.

Reference:
    Aghdam et al. 2019, arXiv 1911.09168.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from querist.kernels.ragged import binary_entropy


def neighbour_divergence(p: Float[np.ndarray, "n h w"], radius: int = 1) -> Float[np.ndarray, "n h w"]:
    """Jensen–Shannon divergence of the probabilities in the (2r + 1)² window around each pixel, in [0, log 2] nats.

    H(mean of the window) - mean of H in the window, H the binary entropy; at the border the window is what there is of it.
    """
    wide = np.asarray(p, dtype=np.float64)
    gap = binary_entropy(np.clip(_window_mean(wide, radius), 0.0, 1.0)) - _window_mean(binary_entropy(wide), radius)
    return np.asarray(np.maximum(gap, 0.0))


def grid_max_mean(u: Float[np.ndarray, "n h w"], cells: tuple[int, int]) -> Float[np.ndarray, " n"]:
    """Mean over the cells of a grid of the largest score in each: many uncertain places win over one.

    Args:
        u: Score of each pixel.
        cells: Rows and columns of the grid, at most those of the image; cells differ by a pixel where it does not divide.
    """
    _, h, w = u.shape
    rows, columns = min(cells[0], h), min(cells[1], w)
    tops = np.maximum.reduceat(np.asarray(u, dtype=np.float64), np.arange(rows) * h // rows, axis=1)
    return np.asarray(np.maximum.reduceat(tops, np.arange(columns) * w // columns, axis=2).mean(axis=(1, 2)))


def _window_mean(x: np.ndarray, radius: int) -> np.ndarray:
    """Mean over the window by sums along the two axes, divided by how many pixels of it lie inside."""
    inside = _window_sum(np.ones((1, *x.shape[1:])), radius)
    return np.asarray(_window_sum(x, radius) / inside)


def _window_sum(x: np.ndarray, radius: int) -> np.ndarray:
    for axis in (1, 2):
        side = x.shape[axis]
        padded = np.pad(x, [(radius, radius) if a == axis else (0, 0) for a in range(3)])
        x = np.sum([np.take(padded, range(shift, shift + side), axis=axis) for shift in range(2 * radius + 1)], axis=0)
    return x
