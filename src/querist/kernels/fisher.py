r"""Greedy selection by the Fisher information of the last layer (BAIT), with every matrix kept as blocks.

The information of an item is $V^\top V$ with $V = A \otimes h^\top$: A (r, q) follows from the probabilities, h (d,) are the
features. Candidates keep two small tables, $V M^{-1} V^\top$ and $V M^{-1} F M^{-1} V^\top$ (r, r). A pick changes both by
products with the pick's own r columns, so a pick costs O(n·q·d·r) where evaluating every candidate anew costs O(n·q²·d²).

Shapes: q·d is the side of the matrices: q = c classes, or 1 for the binary form; r = c, 2 or 1 rows per item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.budget import current
from querist.kernels.sparse import first_of_best

ELEMENTS = 1 << 21
"""Elements of a temporary: 16 MB in float64."""


class Greedy(NamedTuple):
    """What the forward and backward passes found.

    Attributes:
        rows: Rows kept, in the order of the forward pass.
        gains: By how much each lowered the trace when it was added.
        before: tr(M⁻¹ F) with no candidate added.
        after: The same with all rows kept.
    """

    rows: Int[np.ndarray, " p"]
    gains: Float[np.ndarray, " p"]
    before: float
    after: float


def full_rows(p: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n c c"]:
    """A with rows √p_c (e_c - p): AᵀA = diag(p) - ppᵀ, the expectation over all classes."""
    return np.asarray(np.sqrt(p.astype(np.float64))[:, :, None] * _away(p, np.tile(np.arange(p.shape[1]), (len(p), 1))))


def top_rows(p: Float[np.ndarray, "n c"], m: int = 2) -> Float[np.ndarray, "n r c"]:
    """The same over the m most probable classes alone, their probabilities renormalised (the predictive p inside stays whole)."""
    classes = np.argsort(-p, axis=1, kind="stable")[:, :m]
    weights = np.take_along_axis(p, classes, axis=1).astype(np.float64)
    return np.asarray(np.sqrt(weights / weights.sum(axis=1, keepdims=True))[:, :, None] * _away(p, classes))


def binary_rows(p: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n 1 1"]:
    """√(p̂(1 - p̂)) with p̂ the top probability: the information of "the predicted class against the rest"."""
    away = _away(p, p.argmax(axis=1)[:, None])
    mass = np.take_along_axis(away[:, 0], p.argmax(axis=1)[:, None], axis=1)
    return np.asarray(np.sqrt(p.max(axis=1, keepdims=True).astype(np.float64) * mass)[:, :, None])


def _away(p: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """e_c - p (n, r, c) for the given classes (n, r); in the top class the mass of the others is summed, so certainty keeps its digits."""
    p64 = p.astype(np.float64)
    rows, top = np.arange(len(p)), p.argmax(axis=1)
    rest = 1.0 - p64
    others = p64.copy()
    others[rows, top] = 0.0
    rest[rows, top] = others.sum(axis=1)
    out = np.repeat(-p64[:, None, :], classes.shape[1], axis=1)
    np.put_along_axis(out, classes[:, :, None], np.take_along_axis(rest, classes, axis=1)[:, :, None], axis=2)
    return out


def information(rows: Callable[[np.ndarray], np.ndarray], p: Float[np.ndarray, "n c"], h: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "qd qd"]:
    """Sum over items of AᵀA ⊗ hhᵀ, (q·d, q·d), one row of blocks at a time: O(n·q²·d²), never (n, q·d).

    Args:
        rows: Probabilities (n, c) → A (n, r, q): `full_rows`, `top_rows` or `binary_rows`.
        p: Class probabilities.
        h: Features.
    """
    q, d = (rows(p[:1]).shape[2] if len(p) else rows(np.full((1, p.shape[1]), 1.0 / p.shape[1])).shape[2]), h.shape[1]
    total = np.zeros((q, d, q, d))
    for part in _chunks(len(p), q * max(d, q)):
        a, x = rows(p[part]), h[part].astype(np.float64, copy=False)
        g = np.einsum("nrq,nrs->nqs", a, a)
        for one in range(q):
            total[one, :, one:] += (x.T @ (g[:, one, one:, None] * x[:, None, :]).reshape(len(x), -1)).reshape(d, q - one, d)
    for one in range(q):
        total[one + 1 :, :, one] = total[one, :, one + 1 :].transpose(1, 0, 2).transpose(0, 2, 1)
    return total.reshape(q * d, q * d)


def forward_backward(
    a: Float[np.ndarray, "n r q"],
    h: Float[np.ndarray, "n d"],
    start: Float[np.ndarray, "qd qd"],
    target: Float[np.ndarray, "qd qd"],
    weight: float,
    k: int,
    extra: int = 2,
) -> Greedy:
    """Minimise tr((start + weight · Σ_S I(x))⁻¹ target): `extra`·k greedy additions, then greedy removals down to k.

    Args:
        a: A of each candidate.
        h: Features of each candidate.
        start: What is known already: λI plus the labelled items' information, positive definite.
        target: The information of the whole pool.
        weight: Weight of a candidate's information.
        k: Rows to keep; min(k, n) come back.
        extra: The forward pass picks `extra`·k rows (1: no backward pass).

    Reference:
        Ash et al. 2021, arXiv 2106.09675.
    """
    inverse = np.linalg.inv(start)
    inverse = (inverse + inverse.T) / 2
    spread = inverse @ target @ inverse
    before = float(np.einsum("ij,ij->", inverse, target))
    state = _State(a, h, inverse, spread, _quadratic(a, h, inverse), _quadratic(a, h, spread), weight)
    free = np.ones(len(a), dtype=bool)
    picks: list[int] = []
    gains: list[float] = []
    for _ in range(min(extra * k, len(a))):
        gain = np.where(free, _traces(state.t, state.u, weight), -np.inf)
        pick = first_of_best(gain)
        picks.append(pick)
        gains.append(float(gain[pick]))
        free[pick] = False
        _shift(state, pick, 1.0)
        current().picked(len(picks), (2 * extra - 1) * k)
    after = before - sum(gains)
    kept = np.asarray(picks, dtype=np.int64)
    small = state._replace(a=a[kept], h=h[kept], t=state.t[kept], u=state.u[kept])
    stays = np.ones(len(kept), dtype=bool)
    for _ in range(len(kept) - min(k, len(kept))):
        loss = np.where(stays, _traces(small.t, small.u, -weight), -np.inf)
        drop = first_of_best(loss)  # losses are negative gains: the largest costs least
        after -= float(loss[drop])
        stays[drop] = False
        _shift(small, drop, -1.0)
        current().picked(2 * len(kept) - int(stays.sum()), (2 * extra - 1) * k)
    return Greedy(kept[stays], np.asarray(gains)[stays], before, after)


class _State(NamedTuple):
    """The arrays of one pass; `_shift` changes them in place."""

    a: np.ndarray
    h: np.ndarray
    inverse: np.ndarray  # M⁻¹
    spread: np.ndarray  # M⁻¹ F M⁻¹
    t: np.ndarray  # V M⁻¹ Vᵀ of every row
    u: np.ndarray  # V M⁻¹ F M⁻¹ Vᵀ of every row
    weight: float


def _shift(state: _State, row: int, sign: float) -> None:
    """Add (sign 1) or remove (-1) the weighted information of one row: Woodbury on the matrices, the same products on the tables."""
    v = (state.a[row][:, :, None] * state.h[row].astype(np.float64)).reshape(state.a.shape[1], -1)
    y, z = state.inverse @ v.T, state.spread @ v.T
    scale = sign * state.weight
    core = np.linalg.solve(np.eye(len(v)) + scale * state.t[row], scale * np.eye(len(v)))
    core = (core + core.T) / 2
    inner = core @ state.u[row] @ core
    left = z @ core - y @ (inner / 2)
    np.subtract(state.inverse, (y @ core) @ y.T, out=state.inverse)
    np.subtract(state.spread, np.hstack([left, y]) @ np.hstack([y, left]).T, out=state.spread)
    both, r = np.hstack([y, z]), len(v)
    for part in _chunks(len(state.a), 2 * r * state.a.shape[2]):
        products = _products(state.a[part], state.h[part], both)
        p, s = products[:, :, :r], products[:, :, r:]
        turned = p.transpose(0, 2, 1)
        cross = (s @ core - p @ (inner / 2)) @ turned
        state.t[part] -= p @ core @ turned
        state.u[part] -= cross + cross.transpose(0, 2, 1)


def _products(a: np.ndarray, h: np.ndarray, y: np.ndarray) -> np.ndarray:
    """V y (n, r, s) for y (q·d, s)."""
    q, d, s = a.shape[2], h.shape[1], y.shape[1]
    wide = np.ascontiguousarray(y.reshape(q, d, s).transpose(1, 0, 2)).reshape(d, q * s)
    return np.asarray(a @ (h.astype(np.float64, copy=False) @ wide).reshape(len(h), q, s))


def _quadratic(a: np.ndarray, h: np.ndarray, m: np.ndarray) -> np.ndarray:
    """V m Vᵀ (n, r, r): the (q, q) table of hᵀ m_qs h between two A."""
    n, r, q, d = len(a), a.shape[1], a.shape[2], h.shape[1]
    out = np.empty((n, r, r))
    for part in _chunks(n, q * max(d, q)):
        x = h[part].astype(np.float64, copy=False)
        table = np.stack([np.einsum("nsd,nd->ns", (x @ m[one * d : (one + 1) * d]).reshape(len(x), q, d), x) for one in range(q)], axis=1)
        out[part] = a[part] @ table @ a[part].transpose(0, 2, 1)
    return out


def _traces(t: np.ndarray, u: np.ndarray, weight: float) -> np.ndarray:
    """tr(w u (I + w t)⁻¹): what adding lowers the trace by; with -w, minus what removing raises it by."""
    if t.shape[1] == 1:
        return np.asarray(weight * u[:, 0, 0] / (1.0 + weight * t[:, 0, 0]))
    solved = np.linalg.solve(np.eye(t.shape[1]) + weight * t, weight * u)
    return np.asarray(np.einsum("nrr->n", solved))


def _chunks(n: int, width: int) -> Iterator[slice]:
    step = max(1, ELEMENTS // max(1, width))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))
