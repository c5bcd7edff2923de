"""Core-set robust to outliers: k-center by mixed-integer programming, with the proof of how good it is in every note.

Reference:
    Sener & Savarese 2018, arXiv 1708.00489.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from querist.acquire.embeddings import Embedding
from querist.acquire.selectors import KCenter, Picks, reached
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.kernels.geometry import k_center
from querist.kernels.robust import Cover, robust_k_center


@dataclass(frozen=True)
class RobustKCenter:
    """The k candidates that cover all but a few others within the smallest radius that could be proved, farthest first.

    Attributes:
        outliers: Share of the (sub-)pool that may stay uncovered, rounded up: any share above 0 leaves at least one out.
        sub_pool: With more candidates, that many are drawn at random and the others are left aside. Batches larger than this are
            chosen greedily from all.
        gap: Relative gap between the radius and what is proved impossible at which the search ends.
        seconds_a_call: Time limit of the solver for one radius.
        seconds: Time limit of all; when it is spent the best cover so far is taken, at worst the greedy one. With 0 the solver is
            left out, and the picks do not depend on the machine.
    """

    outliers: float = 1e-4
    sub_pool: int = 2000
    gap: float = 0.01
    seconds_a_call: float = 10.0
    seconds: float = 60.0

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        if embed is None:
            raise UsageError("RobustKCenter needs an embedding", hint="Give Compose an `embed`.")
        n = len(view.candidates)
        if k >= n or k > self.sub_pool:
            greedy = KCenter().choose(view, scores, embed, k, rng)
            reason = "no more candidates than picks" if k >= n else f"more picks than the sub-pool's {self.sub_pool}"
            return greedy._replace(why=[f"{why}; greedy: {reason}" for why in greedy.why])
        rows = np.sort(rng.permutation(n)[: self.sub_pool]) if n > self.sub_pool else np.arange(n)
        x, covered = embed.coordinates(view)[rows], embed.covered(view)
        spared = min(math.ceil(self.outliers * len(rows)), len(rows) - 1)
        found = robust_k_center(x, covered, k, spared, gap=self.gap, seconds_a_call=self.seconds_a_call, seconds=self.seconds)
        picks, radii = _farthest_first(x, covered, found.rows, k)
        proof = _proof(found, spared, len(rows), n)
        why = [f"distance {r:.4g} to the nearest covered item; {proof}" if np.isfinite(r) else f"nearest to the centre; {proof}" for r in radii]
        return Picks(rows[picks], reached(radii), why)


def _farthest_first(x: np.ndarray, covered: np.ndarray, chosen: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The chosen rows in farthest-first order, then further rows of x the same way up to k; and their distances when taken."""
    first, near = k_center(x[chosen], covered, len(chosen))
    others = np.setdiff1d(np.arange(len(x)), chosen)
    more, left = k_center(x[others], np.concatenate([covered, x[chosen]]), k - len(chosen))
    return np.concatenate([chosen[first], others[more]]), np.sqrt(np.concatenate([near, left]))


def _proof(found: Cover, spared: int, m: int, n: int) -> str:
    """What is known about the cover, in a few words."""
    if found.radius < found.greedy:
        kind = f"integer program: radius {found.radius:.4g} (greedy {found.greedy:.4g})"
    elif found.gap > 0:
        kind = f"greedy: radius {found.radius:.4g}, no smaller one was proved feasible"
    else:
        kind = f"greedy: radius {found.radius:.4g} is the smallest"
    late = f", {found.undecided} radii undecided" if found.undecided else ""
    return f"{kind}, gap {found.gap:.1%}{late}, {spared} outliers of {m}{'' if m == n else f' drawn from {n}'}"
