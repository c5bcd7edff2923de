"""Confident positives first: where positives are rare and an answer is cheap, ask about what is most likely one.

Reference:
    Kellenberger et al. 2019, arXiv 1907.07319 (animals from the air); Wang et al. 2018, arXiv 1812.05785 (pairs of tracks).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.core.contracts import PoolView
from querist.core.errors import UsageError


@dataclass(frozen=True)
class LikelyPositive:
    """Mean probability of one class.

    Attributes:
        positive: Its position; -1 is the last class.
    """

    positive: int = -1

    @property
    def needs(self) -> frozenset[str]:
        """Always `probs`."""
        return frozenset({"probs"})

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the candidates."""
        probs = view.stat("probs")
        if not -probs.shape[2] <= self.positive < probs.shape[2]:
            raise UsageError("no such class", got=self.positive, wanted=f"a position below {probs.shape[2]}")
        return np.asarray(probs[:, :, self.positive].mean(axis=1, dtype=np.float64))
