"""Largest-cluster maximum-distance selection: split the heaviest cluster at its farthest member, again and again.

Which cluster is the heaviest depends on every row after every pick, so the picks cannot be made in blocks as in `farthest`: one
float32 product of the pool with the new centre per pick says which rows may move (bound of `rows.py`), and only these are computed
in float64. The picks are those of the plain algorithm in float64.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.budget import Budget, State, current
from querist.kernels.farthest import nearest
from querist.kernels.rows import TINY, Centres, Rows, differences
from querist.kernels.screen import Screen

CLOSE = 1e-9
"""Weights this close to the largest, as a share of the sum, are summed anew before they are compared."""


def lcmd(
    x: Float[np.ndarray, "n d"], centres: Float[np.ndarray, "m d"], k: int
) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"], Int[np.ndarray, " p"]]:
    """Pick the farthest member of the heaviest cluster, k times.

    Every row belongs to its nearest centre; a cluster weighs the sum of its members' squared distances.

    Args:
        x: The candidates, one row each; float16, float32 or float64, in memory or a memmap, finite.
        centres: Points that already cover (labelled and pending); may be empty.
        k: Number of picks.

    Returns:
        Rows picked, in order, min(k, n) distinct ones; the squared distance of each to its centre at its time; and the cluster it
        was taken from: the position of its centre among `centres` followed by the picks. Without centres the first pick is
        the row of the largest norm, at distance infinity, from cluster -1. Equal weights: the older cluster; equal distances: the
        lower row; every weight 0: the lowest row not yet picked.

    Reference:
        Holzmüller, Zaverkin, Kästner & Steinwart 2023, arXiv 2203.09410 (selection LCMD).
    """
    budget, k = current(), min(k, len(x))
    state = budget.resumed("lcmd", len(x))
    picks, values, clusters = (list(state.picks), list(state.values), list(state.extra["clusters"])) if state else ([], [], [])
    if k and not picks and not len(centres):
        picks, values, clusters = [_largest(x, budget)], [np.inf], [-1]
    if len(picks) < k:
        split = _Clusters(x, centres, picks, budget, k)
        while len(picks) < k:
            row, value, cluster = split.next()
            picks.append(row)
            values.append(value)
            clusters.append(cluster)
            if len(picks) < k:
                split.add(row)
            budget.commit(lambda: State("lcmd", len(x), tuple(picks), tuple(values), {"clusters": tuple(clusters)}))
            budget.picked(len(picks), k)
    return np.asarray(picks[:k], dtype=np.int64), np.asarray(values[:k], dtype=np.float64), np.asarray(clusters[:k], dtype=np.int64)


def _largest(x: np.ndarray, budget: Budget) -> int:
    size = budget.rows(16 * x.shape[1])
    wide = (np.asarray(x[start : start + size], dtype=np.float64) for start in range(0, len(x), size))
    budget.read(len(x), len(x))
    return int(np.argmax(np.concatenate([np.einsum("nd,nd->n", part, part) for part in wide])))


NARROW, SMALL, FEW = 128, 8192, 64
"""From so many columns, rows and picks on a screen is worth its making."""


class _Clusters:
    """Every row's centre and squared distance, every cluster's weight; picked rows weigh nothing."""

    def __init__(self, x: np.ndarray, given: np.ndarray, picks: list[int], budget: Budget, k: int) -> None:
        self.pool, self.budget = Rows(x, given, budget), budget
        self.centres = Centres(given, self.pool)
        self.centres.picks.extend(picks)
        self.near, self.owner = np.empty(self.pool.n), np.empty(self.pool.n, dtype=np.int32)
        self.free = np.ones(self.pool.n, dtype=bool)
        size = budget.rows(8 * (3 * self.pool.d + 3 * min(len(self.centres), 512)), most=2048)
        for start in range(0, self.pool.n, size):
            part = slice(start, min(start + size, self.pool.n))
            self.near[part], self.owner[part] = nearest(self.pool, self.centres, part)
        budget.read(self.pool.n, self.pool.n)
        self._take(picks)
        self.weights = np.bincount(self.owner, self.near, minlength=len(self.centres))
        self.total = float(self.weights.sum())
        self.reach = (1 - 2 * self.pool.e) * self.pool.norms - self.near * self.pool.scale**2
        # Far from the origin the bound for rows as they are says too little, and they have to be shifted.
        origin = float(self.pool.shift @ self.pool.shift)
        self.raw = self.pool.direct and x.dtype == np.float32 and origin <= 4 * float(self.pool.norms.mean())
        self.room = self.pool.buffers(1)[0]
        worth = self.pool.d >= NARROW and self.pool.n >= SMALL and k - len(picks) >= FEW
        self.screen: Screen | None = Screen(self.pool) if worth else None
        self.useless = 0
        held = 0 if self.screen is None else self.screen.numbers.nbytes
        budget.hold(held + 2 * self.near.nbytes + self.owner.nbytes + self.free.nbytes + self.pool.norms.nbytes + budget.max_bytes)

    def _take(self, picks: list[int]) -> None:
        first = len(self.centres) - len(picks)
        self.free[picks], self.near[picks] = False, 0.0
        self.owner[picks] = np.arange(first, first + len(picks))

    def next(self) -> tuple[int, float, int]:
        """The farthest member of the heaviest cluster: row, squared distance, cluster."""
        if np.count_nonzero(self.weights >= self.weights.max() - CLOSE * self.total) > 1:
            self.weights = np.bincount(self.owner, self.near, minlength=len(self.weights))
        heaviest = int(np.argmax(self.weights))
        members = np.flatnonzero(self.owner == heaviest)
        row = int(members[np.argmax(self.near[members])]) if len(members) else -1
        if row < 0 or not self.near[row] > 0:
            row = int(np.argmax(self.free))
        return row, float(self.near[row]), int(self.owner[row])

    def add(self, row: int) -> None:
        """Make a row the next centre and move to it what is closer to it than to its own."""
        value = self.near[row]
        self.weights[self.owner[row]] -= value
        self.centres.picks.append(row)
        self.weights = np.append(self.weights, 0.0)
        self._take([row])
        if value > 0:  # at 0 it lies on a centre and nothing moves
            self._move(self.pool.wide(np.array([row])))

    def _move(self, centre: np.ndarray) -> None:
        pool, new = self.pool, len(self.weights) - 1
        step = self.budget.rows(64, most=2**14) if self.raw else len(self.room)
        test = self._test(centre)
        numbers, rest = (np.empty(0), 0.0) if self.screen is None else self.screen.centre(centre)
        read = 0
        for start in range(0, pool.n, step):
            part: slice | np.ndarray = slice(start, min(start + step, pool.n))
            if self.screen is not None:
                passed = start + self.screen.passes(slice(start, start + step), numbers, rest, self.reach)
                part = passed if len(passed) < step // 4 else part
            maybe = (np.arange(part.start, part.stop) if isinstance(part, slice) else part)[test(part)]
            read += part.stop - start if isinstance(part, slice) else len(part)
            for at in range(0, len(maybe), 1024):
                rows = maybe[at : at + 1024]
                gaps = differences(pool.wide(rows), centre)
                closer = gaps < self.near[rows]
                rows, gaps = rows[closer], gaps[closer]
                self.weights -= np.bincount(self.owner[rows], self.near[rows], minlength=len(self.weights))
                self.weights[new] += gaps.sum()
                self.near[rows], self.owner[rows] = gaps, new
                self.reach[rows] = (1 - 2 * pool.e) * pool.norms[rows] - gaps * pool.scale**2
        self.budget.read(read, pool.n)
        # Early centres take many rows, so that nothing can be said; later, a screen that lets most pass is only a burden.
        self.useless += new > 64 and 2 * read > pool.n
        if self.useless > 16:
            self.screen = None

    def _test(self, centre: np.ndarray) -> Callable[[slice | np.ndarray], np.ndarray]:
        """Which rows may be closer to a new centre than to their own: all that are, by the bound, and few others.

        Rows multiplied as they are differ from a by the shift s, so that |fl(x·b̂) - x·b| ≤ (d + 3)·u·(‖a‖ + ‖s‖)·‖b‖, twice of
        which is at most e·(2‖a‖² + 2‖s‖² + ‖b‖²).
        """
        pool = self.pool
        if not self.raw:
            c, norm = pool.right(centre)
            rest = 4 * pool.e * norm + 4 * TINY
            return lambda part: np.matmul(pool.left(part, self.room), c[0]) + self.reach[part] < rest
        b = pool.shifted(centre)[0]
        norm, origin = float(b @ b), float(pool.shift @ pool.shift)
        rest = (1 - pool.e) * norm - 2 * pool.e * origin + 2 * float(pool.shift @ b) - 4 * TINY
        narrow = b.astype(np.float32)
        return lambda part: 2.0 * (pool.x[part] @ narrow).astype(np.float64) > self.reach[part] + rest
