"""Batches under a linear Gaussian model on features: posterior kernel, greedy determinant, sketches of product features.

All in float64: with noise 1e-6 the posterior variance of a float32 computation is rounding noise.

Reference:
    Holzmüller et al. 2023, arXiv 2203.09410.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.budget import State, current
from querist.kernels.geometry import ROWS
from querist.kernels.sparse import first_of_best


def mean_square(x: Float[np.ndarray, "n d"]) -> float:
    """Mean squared norm of the rows; 1 if there are none or all are 0, so that it can be divided by."""
    total = sum(float(np.square(x[start : start + ROWS], dtype=np.float64).sum()) for start in range(0, len(x), ROWS))
    return total / len(x) if total > 0 else 1.0


def posterior_map(train: Float[np.ndarray, "m d"], noise: float, scale: float = 1.0) -> Float[np.ndarray, "d d"]:
    """R with k(x, y | train) = (Rx)·(Ry): the kernel scale·x·y of a Gaussian process after noisy observations at `train`.

    Args:
        train: Observed rows; may be none.
        noise: Noise variance s² > 0.
        scale: Factor of the kernel.
    """
    rows = train.astype(np.float64)
    precision = scale * (rows.T @ rows) + noise * np.eye(train.shape[1])
    return np.asarray(np.sqrt(scale * noise) * np.linalg.inv(np.linalg.cholesky(precision)))


def mapped(x: Float[np.ndarray, "n d"], r: Float[np.ndarray, "p d"]) -> Float[np.ndarray, "n p"]:
    """Rx of every row, float64."""
    out = np.empty((len(x), len(r)))
    for start in range(0, len(x), ROWS):
        out[start : start + ROWS] = x[start : start + ROWS].astype(np.float64) @ r.T
    return out


def variances(x: Float[np.ndarray, "n d"], r: Float[np.ndarray, "p d"]) -> Float[np.ndarray, " n"]:
    """‖Rx‖² of every row: the diagonal of the kernel, never negative."""
    out = np.empty(len(x))
    for start in range(0, len(x), ROWS):
        rows = x[start : start + ROWS].astype(np.float64) @ r.T
        out[start : start + ROWS] = np.einsum("np,np->n", rows, rows)
    return out


def maxdet(x: Float[np.ndarray, "n d"], r: Float[np.ndarray, "p d"], noise: float, k: int) -> tuple[Int[np.ndarray, " b"], Float[np.ndarray, " b"]]:
    """Greedy maximum of log det(K_S + noise·I), K the kernel (Rx)·(Ry): pivoted Cholesky in the space of features.

    The covariance (d, d) is deflated by each pick, d_i ← d_i - (x_i·u)², so a pick costs O(n·d + d²) and no factor (n, k) is kept.

    Returns:
        min(k, n) distinct rows in order and each one's variance given the picks before it.
    """
    budget, k = current(), min(k, len(x))
    state = budget.resumed("maxdet", len(x))
    # Neither is found again from the picks at less cost than the picks had.
    covariance, left = (state.extra["covariance"].copy(), state.extra["left"].copy()) if state else (r.T @ r, variances(x, r))
    picks, gains = (list(state.picks), list(state.values)) if state else ([], [])
    free = np.ones(len(x), dtype=bool)
    free[picks] = False
    while len(picks) < k:
        pick = first_of_best(np.where(free, left, -1.0))
        picks.append(pick)
        gains.append(float(left[pick]))
        free[pick] = False
        u = covariance @ x[pick].astype(np.float64)
        spread = float(x[pick].astype(np.float64) @ u) + noise
        if spread <= 0.0:
            continue
        u /= np.sqrt(spread)
        np.subtract(covariance, np.outer(u, u), out=covariance)
        for start in range(0, len(x), ROWS):
            left[start : start + ROWS] -= (x[start : start + ROWS].astype(np.float64) @ u) ** 2
        np.maximum(left, 0.0, out=left)
        budget.commit(lambda: State("maxdet", len(x), tuple(picks), tuple(gains), {"covariance": covariance.copy(), "left": left.copy()}))
        budget.picked(len(picks), k)
    return np.asarray(picks, dtype=np.int64), np.asarray(gains, dtype=np.float64)


def product_sketch(a: Float[np.ndarray, "n c"], h: Float[np.ndarray, "n d"], width: int, rng: np.random.Generator) -> Float[np.ndarray, "n w"]:
    """Random features of a ⊗ h, (n, width) float32: (R₁a)∘(R₂h)/√width with random signs, so E⟨s, t⟩ = ⟨a, b⟩⟨g, h⟩. Never (n, c·d).

    Args:
        a: One factor.
        h: The other.
        width: Number of features.
        rng: Draws the signs; the same generator state gives the same map.
    """
    left, right = (rng.choice([-1.0, 1.0], size=(part.shape[1], width)) for part in (a, h))
    out = np.empty((len(a), width), dtype=np.float32)
    for start in range(0, len(a), ROWS):
        part = slice(start, start + ROWS)
        out[part] = (a[part].astype(np.float64) @ left) * (h[part].astype(np.float64) @ right) / np.sqrt(width)
    return out
