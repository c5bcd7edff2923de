"""A wrapper that folds scores of sites to items in another way than the task's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from querist.acquire.ranked import MARGIN
from querist.core.contracts import Acquisition, PoolView, folds
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.core.statistic import Over, part_of
from querist.kernels.folding import Aggregator


@dataclass(frozen=True)
class Aggregated:
    """A method whose scores of sites are folded in this way instead of the kind's own.

    Attributes:
        inner: The method.
        by: Name in `kernels.ragged.AGGREGATORS`: `sum` likes items with many sites (and dear labels), `mean` is indifferent, `max` asks for one bad site.
        empty: Score of an item in which the model finds nothing: low never asks for such items, high asks for them first.
        k: Of `topk_mean`.
    """

    inner: Acquisition = MARGIN
    by: str = "sum"
    empty: float = 0.0
    k: int = 10

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs."""
        return self.inner.needs

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`.

        Raises:
            UsageError: for an unknown aggregator, or a method that reads probabilities of whole items.
        """
        if "probs" in self.inner.needs and not folds(self.inner):
            raise UsageError(f"{type(self.inner).__name__} folds no scores of sites", wanted="a method that scores by probabilities alone, such as entropy")
        return self.inner.select(_Folding(view, Aggregator(self.by, self.empty, self.k)), k, rng)


class _Folding(Over):
    """The view with another aggregator."""

    def __init__(self, view: PoolView, aggregator: Aggregator) -> None:
        super().__init__(view)
        self.aggregator = aggregator

    def stat(self, name: str, of: str = "candidates") -> Any:
        """The view's statistic."""
        return self._view.stat(name, of)

    def part(self, name: str, places: np.ndarray, of: str = "candidates") -> Any:
        """Some rows of the view's statistic."""
        return part_of(self._view, name, places, of)
