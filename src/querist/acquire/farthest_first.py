"""FF-Active: random rounds first, then farthest-first traversal of the features.

Reference:
    Geifman & El-Yaniv 2017, arXiv 1711.00941.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from querist.acquire.compose import Random
from querist.acquire.ranked import CORESET
from querist.core.contracts import PoolView
from querist.core.records import Selection


@dataclass(frozen=True)
class FFActive:
    """Drawn at random while `view.round` ≤ `warmup_rounds`, then greedy k-center from everything labelled, pending or picked.

    Attributes:
        warmup_rounds: Rounds of random draws, while the features still mean little; 0 is core-set.
    """

    warmup_rounds: int = 1

    @property
    def needs(self) -> frozenset[str]:
        """What farthest-first needs; random rounds do not read it."""
        return CORESET.needs

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        if view.round > self.warmup_rounds:
            return CORESET.select(view, k, rng)
        drawn = Random().select(view, k, rng)
        return replace(drawn, note=(f"round {view.round} of {self.warmup_rounds} random ones",) * len(drawn))
