"""Sparse approximation of a sum of vectors: Frank–Wolfe, geodesic ascent (GIGA), orthogonal pursuit.

A batch is a handful of items whose weighted log-likelihoods stand in for the log-likelihood of the whole pool. Items are
vectors: their log-likelihoods under k posterior samples, so inner products are averages over the posterior.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from querist.core.optional import require
from querist.kernels.budget import current
from querist.kernels.information import BLOCK, predictive, xlogy

SMALLEST = float(np.finfo(np.float32).tiny)
"""Probabilities below this count as this: a float32 zero says "less than 1e-38", not "impossible"."""
TIE = 1e-12
"""Relative difference below which two values are equal: products of equal rows may differ by an ulp with their place in a block."""
FLOOR = 1e-6
"""Vectors shorter than this share of the longest are rounding noise of float32 probabilities."""
STALLED = 1e-14
"""Share of the squared length of the target below which a residual is rounding noise."""


class Sparse(NamedTuple):
    """An approximation of the sum of all vectors.

    Attributes:
        rows: Distinct rows in the order first chosen.
        values: What each was chosen by: inner product of its direction with the residual at its time.
        weights: Weight of each of these rows at the end, ≥ 0.
        errors: ‖L - L(w)‖ before the first and after every step; never grows.
    """

    rows: Int[np.ndarray, " p"]
    values: Float[np.ndarray, " p"]
    weights: Float[np.ndarray, " p"]
    errors: Float[np.ndarray, " t"]


def first_of_best(values: Float[np.ndarray, " n"]) -> int:
    """The lowest row whose value equals the largest one up to rounding."""
    best = float(values.max())
    return int(np.argmax(values >= best - TIE * abs(best)))


def projections(probs: Float[np.ndarray, "n k c"], centred: bool = False, entropy: float = 0.0) -> Float[np.ndarray, "n k"]:
    """Expected log-likelihood of each item under each posterior sample: Σ_c p̄_c log p_kc / √k, float64.

    Args:
        probs: Class probabilities under k posterior samples.
        centred: Subtract each item's mean over the samples (a constant does not move a posterior).
        entropy: γ in [0, 1]; γ·H(p̄) is added to every entry. With γ = 1 an entry is -KL(p̄ ‖ p_k) / √k.

    Reference:
        Pinsler et al. 2019, arXiv 1908.02144; centring as in Campbell & Broderick 2019, arXiv 1710.05053.
    """
    n, k, c = probs.shape
    out = np.empty((n, k), dtype=np.float64)
    step = max(1, BLOCK // max(1, k * c))
    for start in range(0, n, step):
        block = probs[start : start + step].astype(np.float64)
        mean = predictive(block)
        rows = np.einsum("nc,nkc->nk", mean, np.log(np.maximum(block, SMALLEST)))
        rows -= entropy * xlogy(mean).sum(axis=1, keepdims=True)
        out[start : start + step] = rows - rows.mean(axis=1, keepdims=True) if centred else rows
    return np.asarray(out / np.sqrt(max(k, 1)))


def frank_wolfe(
    column: Callable[[int], np.ndarray],
    total: Float[np.ndarray, " n"],
    norms: Float[np.ndarray, " n"],
    k: int,
    vertex_start: bool = False,
    floor: float = FLOOR,
) -> Sparse:
    """Frank–Wolfe with exact line search over {w ≥ 0, Σ w_m σ_m = σ}, until k distinct rows or 4·k steps.

    Only inner products enter, so it serves explicit vectors and closed forms alike: O(cost of a column) per step.

    Args:
        column: Row f → ⟨L_f, L_m⟩ for every m.
        total: ⟨L, L_m⟩ with L the sum of all.
        norms: σ_m = ‖L_m‖.
        k: Number of distinct rows wanted. Fewer come back when the residual is rounding noise before that.
        vertex_start: Step all the way to the first vertex (Campbell & Broderick) instead of searching from w = 0 (Pinsler et al.).
        floor: Rows of at most this share of the largest norm are never chosen.

    Reference:
        Pinsler et al. 2019, arXiv 1908.02144, algorithm 1.
    """
    whole, sigma = float(total.sum()), float(norms.sum())
    usable = norms > floor * norms.max(initial=0.0)
    weights, values = np.zeros(len(norms)), dict[int, float]()
    inner, error, errors = total.astype(np.float64), whole, [whole]
    for step in range(4 * k if usable.any() else 0):
        scores = np.where(usable, inner / np.where(usable, norms, 1.0), -np.inf)
        f = first_of_best(scores)
        stretch, products = sigma / float(norms[f]), column(f)
        # Q = L - stretch · L_f, R = L - L(w): all that the line search needs in terms of inner products.
        qr = float(inner.sum()) - stretch * float(inner[f])
        qq = whole - 2.0 * stretch * float(total[f]) + stretch**2 * float(products[f])
        span = error - 2.0 * qr + qq
        move = 1.0 if vertex_start and step == 0 else min((error - qr) / span, 1.0) if span > STALLED * whole else 0.0
        if move <= 0.0:
            break
        values.setdefault(f, float(scores[f]))
        weights *= 1.0 - move
        weights[f] += move * stretch
        inner = (1.0 - move) * inner + move * (total - stretch * products)
        error = (1.0 - move) ** 2 * error + 2.0 * move * (1.0 - move) * qr + move**2 * qq
        errors.append(max(error, 0.0))
        current().picked(len(values), k)
        if len(values) >= k or error <= STALLED * whole:
            break
    return _sparse(values, weights, np.sqrt(np.maximum(errors, 0.0)))


def giga(v: Float[np.ndarray, "n k"], k: int, floor: float = FLOOR) -> Sparse:
    """Greedy iterative geodesic ascent: turns L(w) towards L on the unit sphere, scales at the end.

    Until k distinct rows or 4·k steps, O(n·k) each; stops where no row improves the direction. `floor` as in `frank_wolfe`.

    Reference:
        Campbell & Broderick 2018, arXiv 1802.01737; Hilbert coresets in arXiv 1710.05053.
    """
    norms = np.sqrt(np.einsum("nk,nk->n", v, v))
    usable = norms > floor * norms.max(initial=0.0)
    safe = np.where(usable, norms, 1.0)
    target = v.sum(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(target))
    weights, values, errors = np.zeros(len(v)), dict[int, float](), [length]
    if length <= TIE * float(norms.sum()):
        return _sparse(values, weights, np.array(errors))
    goal, at = target / length, np.zeros(v.shape[1])
    for _ in range(4 * k):
        gap = goal - float(goal @ at) * at
        along, towards = v @ at / safe, v @ gap / safe
        slack = 1.0 - along**2
        scores = np.where(usable & (slack > TIE), towards / np.sqrt(np.maximum(slack, TIE)), -np.inf)
        f = first_of_best(scores) if np.isfinite(scores).any() else 0
        direction = v[f] / safe[f]
        # cosines: of L and the row, of L and L(w), of the row and L(w)
        lf, lw, fw = float(goal @ direction), float(goal @ at), float(direction @ at)
        toward, away = lf - lw * fw, lw - lf * fw
        if not scores[f] > STALLED or toward <= 0.0:
            break
        share = 1.0 if not values else min(toward / (toward + away), 1.0) if toward + away > 0 else 1.0
        new = (1.0 - share) * at + share * direction
        size = float(np.linalg.norm(new))
        left = length * float(np.linalg.norm(goal - float(goal @ new) / size**2 * new))
        if left > errors[-1]:  # the step is smaller than what rounding makes of it
            break
        weights *= (1.0 - share) / size
        weights[f] += share / size
        at = new / size
        values.setdefault(f, float(scores[f]))
        errors.append(left)
        current().picked(len(values), k)
        if len(values) >= k or left <= np.sqrt(STALLED) * length:
            break
    return _sparse(values, length * float(goal @ at) * weights / safe, np.array(errors))


def orthogonal_pursuit(v: Float[np.ndarray, "n k"], k: int, floor: float = FLOOR) -> Sparse:
    """Orthogonal matching pursuit with weights ≥ 0: every step refits all weights by non-negative least squares.

    `floor` as in `frank_wolfe`.

    Raises:
        MissingExtraError: without scipy.

    Reference:
        Campbell & Broderick 2019, arXiv 1710.05053 (solvers).
    """
    nnls = require("scipy.optimize", by="orthogonal pursuit").nnls
    norms = np.sqrt(np.einsum("nk,nk->n", v, v))
    free = norms > floor * norms.max(initial=0.0)
    target = v.sum(axis=0, dtype=np.float64)
    residual, weights, values, errors = target, np.zeros(len(v)), dict[int, float](), [float(np.linalg.norm(target))]
    while len(values) < k and free.any():
        scores = np.where(free, v @ residual / np.where(norms > 0, norms, 1.0), -np.inf)
        f = first_of_best(scores)
        if scores[f] <= np.sqrt(STALLED) * errors[0]:
            break
        values[f], free[f] = float(scores[f]), False
        active = list(values)
        weights[active], left = nnls(v[active].T.astype(np.float64), target)
        residual = target - weights[active] @ v[active]
        errors.append(min(float(left), errors[-1]))
        current().picked(len(values), k)
    return _sparse(values, weights, np.array(errors))


def _sparse(values: dict[int, float], weights: np.ndarray, errors: np.ndarray) -> Sparse:
    rows = np.fromiter(values, dtype=np.int64, count=len(values))
    return Sparse(rows, np.fromiter(values.values(), dtype=np.float64, count=len(values)), weights[rows], errors.astype(np.float64))
