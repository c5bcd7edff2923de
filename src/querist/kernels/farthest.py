"""Farthest-first traversal without a pass over the pool for every pick, with the picks of the sequential algorithm in float64.

A distance to the picks only ever falls, so an old one is an upper bound. A block holds the rows with the largest bounds; their true
distances are kept in float64, by differences, and rows are picked from the block as long as the best of them beats every bound
outside it. Then the bounds that still matter (those near the best) are brought up to date by float32 products with all new
centres at once; rows far below are left as they are, perhaps for ever. Where the bounds cannot decide (duplicates, grids, clusters
much farther apart than they are wide), the rows in question are computed in float64, and if that is most of the pool most of
the time, the plain algorithm takes over.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.budget import Budget, State, current
from querist.kernels.clustering import RELATIVE_ZERO
from querist.kernels.points import Factored, Vectors, cuts
from querist.kernels.rows import CENTRES, TINY, Centres, Rows, differences

BLOCK = 512
"""Most rows whose true distances are kept at a time."""

DEPTH = 0.06
"""Bounds within this share below the best distance are refreshed."""


class Cover:
    """A pool, the centres so far, and for every row an upper bound on its squared distance to the nearest centre.

    Attributes:
        upper: (n,) bounds; -infinity for rows that are picked.
        exact: (n,) whether the bound is the distance itself, as differences in float64 give it.
        seen: (n,) how many centres the bound takes into account.
    """

    def __init__(self, x: np.ndarray, given: np.ndarray, picks: list[int], budget: Budget) -> None:
        self.pool = Rows(x, given, budget)
        self.centres = Centres(given, self.pool)
        self.budget = budget
        self.upper = np.full(self.pool.n, np.inf)
        self.exact = np.zeros(self.pool.n, dtype=bool)
        self.seen = np.zeros(self.pool.n, dtype=np.int32)
        self.computed = 0.0
        self.centres.picks.extend(picks)
        self.upper[picks] = -np.inf
        self.block = budget.rows(4 * 8 * self.pool.d, most=min(BLOCK, max(64, self.pool.n // 32)))
        self.tighten(None, 0)
        held = self.upper.nbytes * 2 + self.pool.norms.nbytes + self.exact.nbytes + self.seen.nbytes
        budget.hold(held + budget.max_bytes)

    def parts(self, rows: np.ndarray | None, size: int) -> list[slice | np.ndarray]:
        """All rows or some, in chunks."""
        n = self.pool.n if rows is None else len(rows)
        cuts = [slice(start, min(start + size, n)) for start in range(0, n, size)]
        return [cut if rows is None else rows[cut] for cut in cuts]

    def tighten(self, rows: np.ndarray | None, first: int) -> None:
        """Lower the bounds of rows (all if None) by the centres from `first` on: float32 products, valid by the bound of `rows.py`."""
        pool, total = self.pool, len(self.centres)
        if first >= total:
            return
        a_room, g_room = pool.buffers(total - first)
        group = max(CENTRES, self.budget.max_bytes // (4 * a_room.itemsize * (pool.d + 1)) // CENTRES * CENTRES)
        for start in range(first, total, group):
            stop = min(start + group, total)
            blocks = [pool.right(self.centres.wide(at, min(at + CENTRES, stop)))[0] for at in range(start, stop, CENTRES)]
            for part in self.parts(rows, len(a_room)):
                a = pool.left(part, a_room)
                self.budget.read(len(a), pool.n)
                lowest = np.min([np.matmul(c, a.T, out=g_room[: len(c), : len(a)]).min(axis=0) for c in blocks], axis=0)
                bound = np.maximum(lowest + (1 + 2 * pool.e) * pool.norms[part] + TINY, 0.0) / pool.scale**2
                self.upper[part] = np.minimum(self.upper[part], bound)
        self.seen[slice(None) if rows is None else rows] = total

    def refresh(self, threshold: float) -> bool:
        """Bring the bounds at or above a threshold up to date; False if they were."""
        rows = np.flatnonzero((self.upper >= threshold) & (self.seen < len(self.centres)))
        for first in np.unique(self.seen[rows]).tolist():
            self.tighten(rows[self.seen[rows] == first], first)
        return bool(len(rows))

    def resolve(self, rows: np.ndarray) -> None:
        """The true distances of rows, all centres considered."""
        rows = rows[~self.exact[rows]]
        for part in self.parts(rows, self.budget.rows(8 * (3 * self.pool.d + 3 * CENTRES))):
            self.upper[part] = nearest(self.pool, self.centres, part)[0]
        self.exact[rows] = True
        self.seen[rows] = len(self.centres)
        self.computed += len(rows) * len(self.centres)
        self.budget.read(len(rows), self.pool.n)


def largest(bounds: np.ndarray, size: int) -> tuple[np.ndarray, float, int]:
    """The rows of the largest bounds (ties: the lower rows), the bound that none of the others exceeds, and the first that meets it."""
    n = len(bounds)
    if n <= size:
        return np.flatnonzero(bounds > -np.inf), -np.inf, n
    limit = np.partition(bounds, n - size)[n - size]
    above, level = np.flatnonzero(bounds > limit), np.flatnonzero((bounds == limit) & (bounds > -np.inf))
    inside = level[: size - len(above)]
    rest = level[len(inside) :]
    return np.sort(np.concatenate([above, inside])), float(limit), int(rest[0]) if len(rest) else n


def nearest(pool: Rows, centres: Centres, part: slice | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared distance of rows to their nearest centre and its position (ties: the lower), as differences in float64 give them.

    Float64 products find the few centres that can be the nearest; only for these are differences taken.
    """
    a = pool.wide(part)
    t = pool.shifted(a)
    norms, shrink = np.einsum("nd,nd->n", t, t), 1 - 4 * pool.e64
    best, owner = np.full(len(a), np.inf), np.full(len(a), -1, dtype=np.int64)
    for first, c in centres.blocks():
        s = pool.shifted(c)
        own = np.einsum("md,md->m", s, s)
        low = shrink * norms[:, None] - 2.0 * (t @ s.T) + shrink * own
        sure = low.min(axis=1) + 8 * pool.e64 * (norms + own.max())
        i, j = np.nonzero(low <= np.minimum(best * pool.scale**2, sure)[:, None])
        step = pool.budget.rows(32 * pool.d)
        values = [differences(a[i[at : at + step]], c[j[at : at + step]]) for at in range(0, len(i), step)]
        value = np.concatenate(values) if values else np.empty(0)
        order = np.lexsort((j, value, i))
        order = order[np.diff(i[order], prepend=-1) > 0]
        order = order[value[order] < best[i[order]]]
        best[i[order]], owner[i[order]] = value[order], first + j[order]
    return best, owner


def farthest_first(cover: Cover, k: int, values: list[float]) -> None:
    """Pick until there are k values; `cover` must have a centre."""
    patience = float(cover.pool.n) * (k + len(cover.centres))
    while len(values) < k:
        done = len(values)
        best = _pick_from_block(cover, k, values)
        cover.budget.commit(lambda: State("k_center", cover.pool.n, tuple(cover.centres.picks), tuple(values)))
        cover.budget.picked(len(values), k)
        if len(values) == k:
            return
        updated = cover.refresh(best * (1 - DEPTH))
        if len(values) == done and not updated:
            cover.resolve(np.flatnonzero(cover.upper >= best))
            if cover.computed > patience:
                _one_by_one(cover, k, values)


def _pick_from_block(cover: Cover, k: int, values: list[float]) -> float:
    """Pick from the rows with the largest bounds while the best beats all others; returns the best distance left in the block."""
    pool = cover.pool
    rows, outside, first = largest(cover.upper, cover.block)
    cover.resolve(rows)
    a = pool.wide(rows)
    t = pool.shifted(a)
    norms = (1 - 4 * pool.e64) * np.einsum("nd,nd->n", t, t)
    near = cover.upper[rows]
    moved = False
    while len(values) < k:
        i = int(np.argmax(near))
        value = float(near[i])
        if not (value > outside or (value == outside and rows[i] < first)):
            break
        values.append(value)
        cover.centres.picks.append(int(rows[i]))
        near[i] = -np.inf
        if value > 0:  # at 0 it lies on a centre and changes nothing
            moved = True
            low = norms + norms[i] - 2.0 * (t @ t[i])
            closer = np.flatnonzero(low <= near * pool.scale**2)
            near[closer] = np.minimum(near[closer], differences(a[closer], a[i]))
    cover.upper[rows] = near
    if moved:
        cover.exact[:] = False
        cover.exact[rows] = True
        cover.seen[rows] = len(cover.centres)
    elif len(values):
        cover.seen[cover.exact] = len(cover.centres)
    return max(float(near.max()), 0.0)


def _one_by_one(cover: Cover, k: int, values: list[float]) -> None:
    """The plain algorithm, from here on."""
    cover.resolve(np.flatnonzero(cover.upper > -np.inf))
    pool = cover.pool
    while len(values) < k:
        row = int(np.argmax(cover.upper))
        values.append(float(cover.upper[row]))
        cover.centres.picks.append(row)
        cover.upper[row] = -np.inf
        centre = pool.wide(np.array([row]))
        for part in pool.slices():
            cover.upper[part] = np.minimum(cover.upper[part], differences(pool.wide(part), centre))
        cover.budget.picked(len(values), k)


def nearest_to_mean(points: Factored) -> int:
    """The row nearest to the mean of all rows; ties within rounding go to the lower row."""
    gaps = points.to_mean()
    # Two rows are always equally far from their mean: what rounding makes of it must not decide.
    return int(np.argmax(gaps <= gaps.min() * (1 + 1e-9)))


def k_center(x: Float[np.ndarray, "n d"], centres: Float[np.ndarray, "m d"], k: int) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Greedy k-center (farthest-first traversal): radius at most twice the optimum. The picks are those of the plain algorithm in float64.

    Args:
        x: The candidates, one row each; float16, float32 or float64, in memory or a memmap, finite.
        centres: Points that already cover (labelled and pending); may be empty.
        k: Number of picks.

    Returns:
        Rows picked, in order, min(k, n) distinct ones, and each one's squared distance to the nearest centre at its
        time. Without centres the first pick is the row nearest to the mean, at distance infinity. Equal distances: the lower row.

    Reference:
        Sener & Savarese 2018, arXiv 1708.00489 (the greedy form); Gonzalez 1985.
    """
    budget, k = current(), min(k, len(x))
    state = budget.resumed("k_center", len(x))
    picks, values = (list(state.picks), list(state.values)) if state else ([], [])
    if len(values) < k:
        if not picks and not len(centres):
            picks, values = [nearest_to_mean(Vectors(x))], [np.inf]
        cover = Cover(x, centres, picks, budget)
        if len(values) < k:
            farthest_first(cover, k, values)
        picks = cover.centres.picks
    return np.asarray(picks[:k], dtype=np.int64), np.asarray(values[:k], dtype=np.float64)


def k_center_factored(points: Factored, k: int) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Greedy k-center over points whose coordinates are not formed, without centres from elsewhere; else as `k_center`.

    Distances are float64 products throughout, so old ones are upper bounds without an error to allow for.

    Args:
        points: Where distances come from, for example outer products.
        k: Number of picks.

    Returns:
        Rows picked and squared distances, as `k_center`. Squared distances below 1e-12 of the largest norm count as 0.
    """
    budget, k = current(), min(k, len(points))
    if k <= 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
    state = budget.resumed("k_center_factored", len(points))
    picks, values = (list(state.picks), list(state.values)) if state else ([nearest_to_mean(points)], [np.inf])
    # Products depend on what is multiplied beside them, in their last bits: who goes on makes the blocks that there were.
    blocks: list[int] = list(state.extra["blocks"]) if state else []
    near, fresh = np.full(len(points), np.inf), 0
    zero = RELATIVE_ZERO * float(points.norms().max())
    size = budget.rows(2 * points.width(), most=min(BLOCK, max(64, len(points) // 32)))
    while len(picks) < k:
        blocks.append(len(picks))
        for upto in blocks if state and not fresh else blocks[-1:]:
            _closer(points, near, np.asarray(picks[fresh:upto]), size, zero)
            fresh = upto
        near[picks] = -np.inf
        rows, outside, tied = largest(near, size)
        taken, inside = points.take(rows), near[rows]
        while len(picks) < k:
            i = int(np.argmax(inside))
            if not (inside[i] > outside or (inside[i] == outside and rows[i] < tied)):
                break
            picks.append(int(rows[i]))
            values.append(float(inside[i]))
            gap = points.between(taken, points.take(rows[i : i + 1]))[:, 0]
            inside = np.minimum(inside, np.where(gap > zero, gap, 0.0))
            inside[i] = -np.inf
        budget.commit(lambda: State("k_center_factored", len(points), tuple(picks), tuple(values), {"blocks": tuple(blocks)}))
        budget.picked(len(picks), k)
    return np.asarray(picks, dtype=np.int64), np.asarray(values, dtype=np.float64)


def _closer(points: Factored, near: Float[np.ndarray, " n"], new: Int[np.ndarray, " m"], size: int, zero: float) -> None:
    """Take new picks into account in every row's distance to its nearest."""
    for first in range(0, len(new), size):
        centres = points.take(new[first : first + size])
        for part in cuts(points):
            closest = points.between(points.take(part), centres).min(axis=1)
            near[part] = np.minimum(near[part], np.where(closest > zero, closest, 0.0))
