"""k-means++ seeding by rejection: the distribution of the sequential algorithm with a few passes over the pool instead of one per pick.

Sequential k-means++ draws each row with probability ∝ D², its squared distance to the picks so far. Here rows are proposed with
probability ∝ W, the D² of the last pass, and a proposal is kept with probability D²/W, where D² takes the picks since then into
account: what is kept is distributed ∝ D², whatever W is, as long as D² ≤ W. Only proposals need new distances; the pool is
read again when so many were refused that a pass would have cost as much.

All distances are float64 about a shift, all sums float64 over fixed blocks of rows, and proposals come in fixed numbers: neither the
size of chunks nor k changes what is drawn.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.budget import Budget, State, current
from querist.kernels.clustering import RELATIVE_ZERO
from querist.kernels.points import Factored

PROPOSALS = 256
"""Rows proposed at a time."""

SUMS = 1024
"""Rows in a block of the two-level sum that proposals are drawn from."""

PATIENCE = 8
"""A pass is made once n / PATIENCE proposals were refused since the last one."""


def kmeans_pp(points: Factored, k: int, rng: np.random.Generator) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Draw min(k, n) distinct rows, each with probability ∝ its squared distance to those drawn before.

    Args:
        points: Where distances come from: vectors or outer products.
        k: Number of picks. The first j picks are those of j.
        rng: Source of proposals and refusals.

    Returns:
        Rows in the order drawn and each one's D² when drawn (the norm for the first, which is the largest, ties to the lowest row).
        When every D² is 0 (duplicates, a network that is certain of everything) the rest is drawn uniformly from the rows not
        yet picked, with D² = 0.

    Reference:
        Arthur & Vassilvitskii 2007; first centre as in Ash et al. 2020, arXiv 1906.03671; rejection as in Cohen-Addad et al. 2020,
        arXiv 2012.11891, here with exact distances.
    """
    budget, k = current(), min(k, len(points))
    if k <= 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
    draw = _Draw(points, k, rng, budget)
    while len(draw.picks) < k and not draw.exhausted:
        draw.block()
        budget.commit(draw.state)
        budget.picked(len(draw.picks), k)
    if len(draw.picks) < k:
        free = np.ones(len(points), dtype=bool)
        free[draw.picks] = False
        rest = rng.permutation(np.flatnonzero(free))[: k - len(draw.picks)].tolist()
        draw.picks += rest
        draw.values += [0.0] * len(rest)
        budget.picked(k, k)
    return np.asarray(draw.picks[:k], dtype=np.int64), np.asarray(draw.values[:k], dtype=np.float64)


class _Draw:
    """The picks, the weights W of the last pass and what happened since.

    Attributes:
        weights: (n,) D² to the first `fresh` picks; 0 where it is rounding noise.
        fresh: How many picks the weights take into account.
        passes: What `fresh` was after each pass: who goes on repeats them, so that the weights have the same bits.
        refused: Proposals refused since.
        exhausted: Whether every weight is 0.
    """

    def __init__(self, points: Factored, k: int, rng: np.random.Generator, budget: Budget) -> None:
        self.points, self.k, self.rng, self.budget = points, k, rng, budget
        self.n = len(points)
        norms = points.norms()
        self.zero = RELATIVE_ZERO * float(norms.max())
        first = int(np.argmax(norms))
        self.picks, self.values = [first], [float(norms[first])]
        self.fresh, self.refused, self.exhausted = 0, 0, False
        self.passes: list[int] = []
        self.weights = np.full(self.n, np.inf)
        state = budget.resumed("kmeans_pp", self.n)
        if state is not None:
            self.picks, self.values = list(state.picks), list(state.values)
            rng.bit_generator.state = state.extra["stream"]
            for upto in state.extra["passes"]:
                self._pass(upto)
            self.refused = state.extra["refused"]
        elif k > 1:
            self._pass(1)
        budget.hold(self.weights.nbytes + norms.nbytes + budget.max_bytes)

    def state(self) -> State:
        """Enough to go on with the same draws."""
        extra = {"stream": self.rng.bit_generator.state, "passes": tuple(self.passes), "refused": self.refused}
        return State("kmeans_pp", self.n, tuple(self.picks), tuple(self.values), extra)

    def _pass(self, upto: int) -> None:
        """Bring the weights up to date with the first so many picks."""
        new = self.picks[self.fresh : upto]
        group = max(1, min(512, self.budget.max_bytes // (4 * self.points.width())))
        for start in range(0, len(new), group):
            centres = self.points.take(np.asarray(new[start : start + group]))
            size = self.budget.rows(2 * self.points.width() + 3 * 8 * min(group, len(new)), most=2048)
            for at in range(0, self.n, size):
                part = slice(at, min(at + size, self.n))
                closest = self.points.between(self.points.take(part), centres).min(axis=1)
                self.weights[part] = np.minimum(self.weights[part], np.where(closest > self.zero, closest, 0.0))
            self.budget.read(self.n, self.n)
        self.weights[self.picks[:upto]] = 0.0
        self.fresh, self.refused = upto, 0
        self.passes.append(upto)
        self.sums = np.cumsum(np.add.reduceat(self.weights, np.arange(0, self.n, SUMS)))
        self.exhausted = not self.sums[-1] > 0

    def block(self) -> None:
        """Propose rows, keep some."""
        if self.refused >= max(PROPOSALS, self.n // PATIENCE):
            self._pass(len(self.picks))
            if self.exhausted:
                return
        uniform = self.rng.random((PROPOSALS, 2))
        rows = self._proposed(uniform[:, 0])
        weights = self.weights[rows]
        taken = self.points.take(rows)
        near = weights.copy()
        for start in range(self.fresh, len(self.picks), PROPOSALS):
            since = self.points.take(np.asarray(self.picks[start : start + PROPOSALS]))
            near = np.minimum(near, self.points.between(taken, since).min(axis=1))
        gone = np.isin(rows, self.picks)
        for i in range(PROPOSALS):
            if gone[i] or near[i] <= self.zero or uniform[i, 1] * weights[i] >= near[i]:
                self.refused += 1
                continue
            self.picks.append(int(rows[i]))
            self.values.append(float(near[i]))
            gone |= rows == rows[i]
            if len(self.picks) == self.k:
                return
            near = np.minimum(near, self.points.between(taken, self.points.take(rows[i : i + 1]))[:, 0])

    def _proposed(self, uniform: np.ndarray) -> np.ndarray:
        """Rows with probability ∝ weight: a block by the sums of blocks, then a row in it, both by inverse distribution function."""
        at = uniform * self.sums[-1]
        block = np.searchsorted(self.sums, at, side="right").clip(max=len(self.sums) - 1)
        left = at - np.where(block > 0, self.sums[block - 1], 0.0)
        rows = np.empty(len(at), dtype=np.int64)
        for one in np.unique(block).tolist():
            inside, mine = np.cumsum(self.weights[one * SUMS : (one + 1) * SUMS]), block == one
            # Rounding may leave more than the block holds: its last row with a weight then.
            last = int(np.searchsorted(inside, inside[-1], side="left"))
            rows[mine] = one * SUMS + np.searchsorted(inside, left[mine], side="right").clip(max=last)
        return rows
