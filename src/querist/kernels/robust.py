"""k-center with outliers by mixed-integer programming: a bisection over distances, each step a covering problem.

A radius r is feasible when k centres cover all but a few of the points that nothing labelled covers. Cheap certificates come
first: greedy covering proves feasibility, a packing of points that share no possible centre proves the contrary; what neither
decides goes to HiGHS, with a time limit.

Reference:
    Sener & Savarese 2018, arXiv 1708.00489 (the robust form; compact covering formulation); lower bound after Charikar et al. 2001.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from querist.core.optional import require
from querist.kernels.geometry import k_center, nearest_squared

INFEASIBLE = 2
"""The status by which `scipy.optimize.milp` says so."""


ATTEMPTS = 100
"""Greedy covers tried before the solver, each with more weight on what the one before missed."""


class Cover(NamedTuple):
    """What the bisection found.

    Attributes:
        rows: Centres, at most k.
        radius: Smallest radius proved feasible: `rows` leave at most the allowed outliers beyond it.
        bound: No radius below this is feasible.
        greedy: Radius of the greedy centres with the same outliers.
        undecided: How many radii were tried and not decided.
    """

    rows: np.ndarray
    radius: float
    bound: float
    greedy: float
    undecided: int

    @property
    def gap(self) -> float:
        """(radius - bound) / radius; 0 is optimal."""
        return (self.radius - self.bound) / self.radius if self.radius > 0 else 0.0


def robust_k_center(
    x: Float[np.ndarray, "n d"],
    centres: Float[np.ndarray, "m d"],
    k: int,
    outliers: int,
    *,
    gap: float = 0.0,
    seconds_a_call: float = 10.0,
    seconds: float = 60.0,
) -> Cover:
    """Choose at most k rows so that all but `outliers` rows are within the smallest radius of a chosen row or a centre.

    Args:
        x: Candidates (n, d); the n × n distances are formed, so a few thousand at most.
        centres: Points that already cover; may be empty.
        k: Number of centres to choose, 1 ≤ k ≤ n.
        outliers: Rows that may stay uncovered.
        gap: Stop once (radius - bound) / radius is at most this; 0 goes on to the proof.
        seconds_a_call: Time limit of the solver for one radius.
        seconds: Nothing new is tried after this; with 0 there is no limit, but only the cheap certificates work, and the result
            does not depend on the machine.

    Raises:
        MissingExtraError: without scipy, if the certificates leave something open.
    """
    deadline = time.monotonic() + seconds
    near = np.sqrt(nearest_squared(x, centres))
    table = _distances(x)
    picks, radii = k_center(x, centres, min(k + outliers + 1, len(x)))
    rows = picks[:k]
    # Without its farthest `outliers` rows, greedy covers within `greedy`. k + outliers + 1 rows lie pairwise (and from all
    # centres) at least the last greedy distance apart, so any k centres serve two rows that keep within half of it.
    greedy = _kth_largest(np.minimum(near, table[rows].min(axis=0)), outliers)
    low = float(np.sqrt(radii[-1])) / 2 if len(picks) > k + outliers else 0.0
    steps = np.unique(np.concatenate([table[np.triu_indices(len(x))], near[np.isfinite(near)]]))
    steps = steps[(steps >= low * (1 - 1e-12)) & (steps < greedy)]
    steps = np.append(steps, greedy)
    search = _Bisection(len(steps) - 1)
    while (step := search.next()) is not None and steps[search.above] - steps[search.below] > gap * steps[search.above]:
        left = min(seconds_a_call, deadline - time.monotonic())
        if seconds > 0 and left <= 0:
            break
        verdict, found = _cover(table <= steps[step], near <= steps[step], k, outliers, left)
        rows = found if verdict else rows
        search.tell(step, verdict)
    return Cover(rows, float(steps[search.above]), float(steps[search.below]), greedy, search.undecided)


class _Bisection:
    """The first feasible step of an ascending list, when some steps stay undecided.

    Steps under `below` are infeasible, `above` is feasible (the end of the list stands for the greedy radius). Between the
    lowest and the highest undecided step nothing is tried: what lies there is as hard.
    """

    def __init__(self, steps: int) -> None:
        self.below, self.above, self.undecided = 0, steps, 0
        self._hard: tuple[int, int] | None = None

    def next(self) -> int | None:
        """The middle of the wider open stretch, None when nothing is left to try."""
        if self._hard is None:
            return (self.below + self.above) // 2 if self.below < self.above else None
        first, last = self._hard
        upper, lower = self.above - last - 1, first - self.below
        if max(upper, lower) <= 0:
            return None
        return last + 1 + upper // 2 if upper >= lower else self.below + lower // 2

    def tell(self, step: int, feasible: bool | None) -> None:
        """What came of trying a step; None for undecided."""
        if feasible is None:
            self.undecided += 1
            first, last = self._hard or (step, step)
            self._hard = (min(first, step), max(last, step))
        elif feasible:
            self.above = step
        else:
            self.below = step + 1
        if self._hard and (self._hard[0] >= self.above or self._hard[1] < self.below):
            self._hard = None


def _distances(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n n"]:
    """All distances, symmetric to the bit and 0 on the diagonal."""
    points = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
    norms = np.einsum("nd,nd->n", points, points)
    squared = norms[:, None] - 2.0 * (points @ points.T) + norms
    np.fill_diagonal(squared, 0.0)
    return np.asarray(np.sqrt(np.maximum(np.maximum(squared, squared.T), 0.0)))


def _cover(reach: Bool[np.ndarray, "n n"], done: Bool[np.ndarray, " n"], k: int, outliers: int, seconds: float) -> tuple[bool | None, Int[np.ndarray, " p"]]:
    """Can k columns reach all but `outliers` of the rows that are not done? (None when undecided) and which."""
    kept = _undominated(reach[~done])
    todo = reach[~done][:, kept]
    missed, rows = _greedy_cover(todo, k, outliers)
    if missed <= outliers:
        return True, kept[rows]
    if _packed(todo) > k + outliers:
        return False, rows
    feasible, rows = _solve(todo, k, outliers, seconds) if seconds > 0 else (None, rows)
    return feasible, kept[rows]


def _greedy_cover(todo: np.ndarray, k: int, outliers: int) -> tuple[int, np.ndarray]:
    """At most k columns, each the one that reaches most of what is not reached yet; rows missed count more in the next of some attempts."""
    wide, weights = todo.astype(np.float64), np.ones(len(todo))
    best: tuple[int, np.ndarray] = (len(todo) + 1, np.empty(0, dtype=np.int64))
    for _ in range(ATTEMPTS):
        open_, picks, counts = np.ones(len(todo), dtype=bool), list[int](), weights @ wide
        while len(picks) < k and open_.any():
            picks.append(int(np.argmax(counts)))
            newly = open_ & todo[:, picks[-1]]
            counts -= weights[newly] @ wide[newly]
            open_ &= ~newly
        if open_.sum() < best[0]:
            best = int(open_.sum()), np.asarray(picks, dtype=np.int64)
        if best[0] <= outliers:
            break
        weights[open_] *= 1.5
    return best


def _packed(todo: np.ndarray) -> int:
    """Size of a set of rows no two of which share a column: each needs a centre of its own."""
    used = np.zeros(todo.shape[1], dtype=bool)
    size = 0
    for row in np.argsort(todo.sum(axis=1), kind="stable"):
        if not (todo[row] & used).any():
            used |= todo[row]
            size += 1
    return size


def _solve(todo: np.ndarray, k: int, outliers: int, seconds: float) -> tuple[bool | None, np.ndarray]:
    """The covering problem as HiGHS sees it: Σ_j reach_ij u_j + ξ_i ≥ 1, Σ u ≤ k, Σ ξ ≤ outliers, all 0 or 1."""
    optimize, sparse = require("scipy.optimize", by="robust core-set"), require("scipy.sparse", by="robust core-set")
    rows, columns = todo.shape
    slack = rows if outliers else 0
    blocks = [[sparse.csr_array(todo.astype(np.float64)), sparse.eye_array(rows)], [np.ones((1, columns)), None], [None, np.ones((1, rows))]]
    matrix = sparse.block_array(blocks, format="csr") if slack else sparse.vstack([blocks[0][0], np.ones((1, columns))], format="csr")
    lower = np.concatenate([np.ones(rows), np.full(matrix.shape[0] - rows, -np.inf)])
    upper = np.concatenate([np.full(rows, np.inf), [k], [outliers][: bool(slack)]])
    result = optimize.milp(
        np.zeros(columns + slack),
        constraints=optimize.LinearConstraint(matrix, lower, upper),
        integrality=np.ones(columns + slack),
        bounds=optimize.Bounds(0, 1),
        options={"time_limit": seconds},
    )
    if result.x is not None:
        picks = np.flatnonzero(result.x[:columns] > 0.5)
        # Believed only after looking: solvers work to tolerances.
        if len(picks) <= k and rows - int(todo[:, picks].any(axis=1).sum()) <= outliers:
            return True, picks
    return (False if result.status == INFEASIBLE else None), np.empty(0, dtype=np.int64)


def _undominated(todo: np.ndarray) -> np.ndarray:
    """Columns that reach something no other single column reaches along with all else of theirs (the first of equal ones)."""
    ones = todo.astype(np.float32)
    sizes = ones.sum(axis=0)
    within = (ones.T @ ones) >= sizes[:, None]  # column j reaches nothing that column l does not
    place = np.arange(todo.shape[1])
    beaten = within & ((sizes[None, :] > sizes[:, None]) | (place[None, :] < place[:, None]))
    return np.flatnonzero(~beaten.any(axis=1) & (sizes > 0))


def _kth_largest(values: np.ndarray, k: int) -> float:
    """The largest value once the k largest are left out; 0 when nothing is left."""
    return float(np.sort(values)[len(values) - 1 - k]) if k < len(values) else 0.0
