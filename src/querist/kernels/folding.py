"""How scores of sites become scores of items, by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.core.errors import UsageError
from querist.core.sites import Sites
from querist.kernels import ragged


@dataclass(frozen=True)
class Aggregator:
    """Folds scores of sites to items.

    Attributes:
        by: Name in `kernels.ragged.AGGREGATORS`.
        empty: Score of an item without sites.
        k: Of `topk_mean`.
    """

    by: str = "mean"
    empty: float = 0.0
    k: int = 10

    def __call__(self, u: np.ndarray, said: Sites) -> np.ndarray:
        """(s,) → (n,).

        Raises:
            UsageError: for an unknown name.
        """
        if self.by not in ragged.AGGREGATORS:
            raise UsageError("unknown aggregator", got=self.by, wanted=", ".join(ragged.AGGREGATORS))
        options = {"k": self.k} if self.by == "topk_mean" else {}
        return np.asarray(ragged.AGGREGATORS[self.by](u, said.offsets, said.weight, self.empty, **options))
