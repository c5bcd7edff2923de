"""SEALS: choose only among the neighbours of what is labelled.

Reference:
    Coleman et al. 2022, arXiv 2007.00077.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from querist.acquire.compose import Compose, Subview
from querist.acquire.embeddings import Features
from querist.acquire.scores import Entropy
from querist.core.contracts import Acquisition, PoolView
from querist.core.records import Selection
from querist.kernels.neighbourhood import neighbourhood


@dataclass(frozen=True)
class Seals:
    """An acquisition that sees only candidates among the nearest to some labelled or pending item.

    With nothing labelled or pending it sees all.

    Attributes:
        inner: Chooses among them.
        neighbours: Nearest candidates per labelled item; at least the batch size, so that there is always a whole batch.
    """

    inner: Acquisition = Compose(score=Entropy())
    neighbours: int = 100

    @property
    def needs(self) -> frozenset[str]:
        """Features, and what the inner acquisition needs."""
        return frozenset({"features"}) | self.inner.needs

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        if k <= 0 or not len(view.candidates):
            return Selection((), ())
        known = Features().covered(view)
        if not len(known):
            return _said(self.inner.select(view, k, rng), "nothing labelled: all candidates seen")
        rows = neighbourhood(Features().coordinates(view), known, max(self.neighbours, k))
        seen = view if len(rows) == len(view.candidates) else Subview(view, rows)
        return _said(self.inner.select(seen, k, rng), f"one of {len(rows)} neighbours of {len(known)} items")


def _said(chosen: Selection, how: str) -> Selection:
    """The selection with its reasons completed."""
    return replace(chosen, note=tuple(f"{why}; {how}" for why in chosen.reasons))
