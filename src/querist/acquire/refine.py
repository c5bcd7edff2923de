"""REFINE: many methods filter the pool, round after round; one method chooses from what is left.

Reference:
    Huseljic et al. 2025, arXiv 2511.22344 (CVPR 2026).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from querist.acquire.compose import Subview
from querist.core import catalogue
from querist.core.contracts import Acquisition, PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection


@dataclass(frozen=True)
class Refine:
    """Progressive filtering, then one batch from the refined pool.

    In each round of filtering every method chooses batches of k, each from a random part of the present pool; the union
    of these batches is the next pool.

    Attributes:
        strategies: Methods that filter: catalogue names, import paths or acquisitions.
        last: The method that chooses; one that covers.
        depth: Rounds of filtering.
        alpha: Size of the random parts, as a share of the present pool, from the second round on.
        batches: Batches of each method in a round (100 over nine methods in the paper).
        first: Size of the random parts in the first round.
        most: A refined pool that is larger is cut to this size at random.
    """

    strategies: tuple[str | Acquisition, ...] = ("random", "margin", "badge", "typiclust", "alfamix", "dropquery", "maxherding", "uherding")
    last: str | Acquisition = "uherding"
    depth: int = 5
    alpha: float = 0.4
    batches: int = 11
    first: int = 5000
    most: int = 10_000

    @property
    def needs(self) -> frozenset[str]:
        """Union of what the methods need."""
        return frozenset().union(*(catalogue.acquisition(method).needs for method in (*self.strategies, self.last)))

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        if not self.strategies or self.depth < 0 or self.batches < 1 or not 0 < self.alpha <= 1:
            got = f"{len(self.strategies)} strategies, depth={self.depth}, alpha={self.alpha:g}, batches={self.batches}"
            raise UsageError("REFINE cannot filter like this", got=got, wanted="strategies, depth ≥ 0, 0 < alpha ≤ 1, batches ≥ 1")
        n, last = len(view.candidates), catalogue.acquisition(self.last)
        if n <= k or k <= 0:
            return _said(last.select(view, k, rng), f"{n} candidates, nothing to refine")
        pool, size = np.arange(n), self.first
        methods: list[Acquisition] = [catalogue.acquisition(method) for method in self.strategies]
        for _ in range(self.depth):
            pool = self._filtered(view, pool, max(size, k), k, methods, rng)
            size = int(self.alpha * len(pool))
        return _said(last.select(Subview(view, pool), k, rng), f"{len(pool)} of {n} candidates are left after {self.depth} rounds of filtering")

    def _filtered(self, view: PoolView, pool: np.ndarray, size: int, k: int, methods: list[Acquisition], rng: np.random.Generator) -> np.ndarray:
        """Rows, ascending, that some method chose from a random part of the pool."""
        chosen: set[str] = set()
        for method in methods:
            for _ in range(self.batches):
                part = pool if size >= len(pool) else np.sort(rng.choice(pool, size=size, replace=False))
                chosen.update(method.select(Subview(view, part), k, rng).ids)
        rows = pool[[view.candidates[row] in chosen for row in pool]]
        return rows if len(rows) <= max(self.most, k) else np.sort(rng.choice(rows, size=max(self.most, k), replace=False))


def _said(chosen: Selection, what: str) -> Selection:
    """The selection, each note with what was refined."""
    return replace(chosen, note=tuple(f"{what}: {why}" for why in chosen.reasons))
