"""`auto`: a fixed, published rule instead of a choice that the user cannot make. First version.

The rule reads three numbers: labels per class, classes not seen yet, and the batch's share of the pool.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from querist.acquire.compose import Compose
from querist.acquire.embeddings import Features, Gradients
from querist.acquire.scores import Margin
from querist.acquire.selectors import KMeansPP
from querist.core.contracts import Acquisition, PoolView
from querist.core.records import Selection

COVER = Compose(embed=Features(), selector=KMeansPP())
MARGIN = Compose(score=Margin())
BADGE = Compose(embed=Gradients(), selector=KMeansPP())


@dataclass(frozen=True)
class Auto:
    """Cover while classes are unseen or labels are few; then margin for small batches, BADGE for large ones.

    Attributes:
        few: Labels per class below which the features are covered by k-means++ draws.
        share: Batch size over pool size from which diversity inside the batch matters (BADGE).
    """

    few: float = 2.0
    share: float = 0.02

    @property
    def needs(self) -> frozenset[str]:
        """Everything its branches need."""
        return COVER.needs | MARGIN.needs | BADGE.needs

    def branch(self, view: PoolView, k: int) -> tuple[str, Acquisition, str]:
        """Name, acquisition and reason of the branch for this round."""
        seen = len(set(view.labels))
        per_class = len(view.labels) / max(view.classes, 1)
        if seen < view.classes:
            return "cover", COVER, f"{view.classes - seen} of {view.classes} classes not seen yet"
        if per_class < self.few:
            return "cover", COVER, f"{per_class:.1f} labels per class < {self.few:g}"
        share = k / max(len(view.candidates), 1)
        if share > self.share:
            return "badge", BADGE, f"batch is {share:.1%} of the candidates"
        return "margin", MARGIN, f"batch is only {share:.2%} of the candidates"

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; every note starts with the branch taken."""
        name, acquisition, reason = self.branch(view, k)
        chosen = acquisition.select(view, k, rng)
        return replace(chosen, note=tuple(f"auto → {name} ({reason}): {why}" for why in chosen.note))
