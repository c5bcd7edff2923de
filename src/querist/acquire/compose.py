"""The grammar of batch methods: score → top k; embedding → geometric selector; score as a prefilter of the latter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.embeddings import Embedding
from querist.acquire.scores import Score
from querist.acquire.selectors import Selector, TopK, selection
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.core.statistic import Over, fold_of, part_of
from querist.kernels.ranking import top_k


@dataclass(frozen=True)
class Compose:
    """A method as a composition.

    Attributes:
        score: Higher = more wanted; what `TopK` sorts by and `prefilter` filters by.
        embed: The space in which a geometric selector moves.
        selector: Chooses rows.
        prefilter: Keep the `prefilter · k` best scores before the selector (needs `score`); 0 keeps all.
    """

    score: Score | None = None
    embed: Embedding | None = None
    selector: Selector = TopK()
    prefilter: int = 0

    @property
    def needs(self) -> frozenset[str]:
        """Union of what the parts need."""
        parts = [part.needs for part in (self.score, self.embed) if part is not None]
        return frozenset().union(*parts)

    @property
    def certifies(self) -> bool:
        """Whether the score finds out by itself that probabilities of one sample are no distribution, and all that is read is scored."""
        return self.embed is None and getattr(self.score, "certifies", False)

    @property
    def folds(self) -> bool:
        """Whether only the score reads probabilities, and scores sites as well."""
        scores = self.score is None or getattr(self.score, "folds", False)
        return scores and (self.embed is None or "probs" not in self.embed.needs) and not getattr(self.selector, "whole", False)

    def scored(self, view: PoolView) -> np.ndarray | None:
        """Scores (n,) of all candidates where they alone decide (a plain top k), else None: what wrappers rank by."""
        if self.score is None or self.prefilter or self.selector != TopK():
            return None
        return finite(self.score(view), view.candidates, "scores")

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        k = min(k, len(view.candidates))
        if k <= 0:
            return Selection((), ())
        scores = None if self.score is None else finite(self.score(view), view.candidates, "scores")
        if self.prefilter and scores is None:
            raise UsageError("a prefilter needs a score", hint="Give Compose a `score`.")
        if self.prefilter and scores is not None and self.prefilter * k < len(scores):
            rows = np.sort(top_k(scores, self.prefilter * k))
            view, scores = Subview(view, rows), scores[rows]
        picks = self.selector.choose(view, scores, self.embed, k, rng)
        return selection(view, *picks)


@dataclass(frozen=True)
class Random:
    """Uniform without replacement: the baseline every method has to beat."""

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        rows = rng.permutation(len(view.candidates))[: max(k, 0)]
        return selection(view, rows, (0.0,) * len(rows), ("drawn at random",) * len(rows))


class Subview(Over):
    """A view whose candidates are some rows of another view's."""

    def __init__(self, view: PoolView, rows: np.ndarray) -> None:
        super().__init__(view)
        self._rows = rows
        self.candidates = [view.candidates[row] for row in rows]

    def fold(self, name: str, fn: Any, of: str = "candidates", places: np.ndarray | None = None) -> np.ndarray:
        """See `SitesView.fold`: of these rows only."""
        if of == "candidates":
            places = self._rows if places is None else self._rows[places]
        return fold_of(self._view, name, fn, of, places)

    def stat(self, name: str, of: str = "candidates") -> Any:
        """The rows of the wider view's statistic; what is computed on demand is computed for these rows only."""
        return part_of(self._view, name, self._rows) if of == "candidates" else self._view.stat(name, of)

    def part(self, name: str, places: np.ndarray, of: str = "candidates") -> Any:
        """Some rows of a statistic; see `core.statistic.part_of`."""
        return part_of(self._view, name, self._rows[places] if of == "candidates" else places, of)
