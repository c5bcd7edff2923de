"""Greedy choice of rows whose span reconstructs a weighted pool: the next atom takes away most of what is left.

Reference:
    After Liu, Zhang & Eom 2017 (weighted incremental dictionary learning), arXiv 1611.10031.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

GONE = 1e-9
"""Share of a row's squared length below which nothing is left of it."""


class Atoms(NamedTuple):
    """Rows in order, and what of the weighted pool each leaves unexplained, as a share of what there was before the first."""

    rows: Int[np.ndarray, " k"]
    left: Float[np.ndarray, " k"]


def dictionary(
    x: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"], k: int, covered: Float[np.ndarray, "m d"] | None = None, own: float = 1.0
) -> Atoms:
    """Each pick j maximises w_j^own · Σ_i w_i (r_i · q_j)², r what the atoms so far leave of the rows and q_j = r_j / ‖r_j‖.

    With S = Σ_i w_i r_i r_i' that is r_j'Sr_j / ‖r_j‖²: O(n·d²) a pick and no n × n numbers. Rows of which nothing is left come last,
    the heaviest first.

    Args:
        x: Rows, any real dtype; read in float64.
        weights: ≥ 0.
        k: How many, at most n.
        covered: Atoms that are there before.
        own: Power of a candidate's own weight.
    """
    left: np.ndarray = np.array(x, dtype=np.float64)
    sizes = np.einsum("nd,nd->n", left, left)
    if covered is not None and len(covered):
        basis = _basis(np.asarray(covered, dtype=np.float64))
        left -= (left @ basis) @ basis.T
    first = float(weights @ sizes)
    picked, shares = np.zeros(len(left), dtype=bool), []
    rows: list[int] = []
    for _ in range(min(k, len(left))):
        norms = np.einsum("nd,nd->n", left, left)
        there = (norms > GONE * sizes) & (sizes > 0) & ~picked
        if not there.any():
            break
        spread = left.T @ (left * weights[:, None])
        gains = np.full(len(left), -np.inf)
        gains[there] = weights[there] ** own * np.einsum("nd,nd->n", left[there] @ spread, left[there]) / norms[there]
        best = int(gains.argmax())
        picked[best] = True
        rows.append(best)
        atom = left[best] / np.sqrt(norms[best])
        left -= np.outer(left @ atom, atom)
        shares.append(float(weights @ np.einsum("nd,nd->n", left, left)) / first if first > 0 else 0.0)
    rest = np.flatnonzero(~picked)
    rest = rest[np.argsort(-weights[rest], kind="stable")][: min(k, len(left)) - len(rows)]
    return Atoms(np.array([*rows, *rest.tolist()], dtype=np.int64), np.array([*shares, *[shares[-1] if shares else 0.0] * len(rest)]))


def _basis(atoms: np.ndarray) -> np.ndarray:
    """Orthonormal columns (d, r) that span the atoms."""
    _, sizes, directions = np.linalg.svd(atoms, full_matrices=False)
    return np.asarray(directions[sizes > 1e-7 * sizes.max(initial=0.0)].T)
