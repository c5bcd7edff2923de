"""The best of every predicted class in turn.

Reference:
    Zhou, Chen & Wang 2010 take their queries equally from both sides of the separating line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from querist.acquire.embeddings import Embedding
from querist.acquire.selectors import Picks
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.kernels.information import predictive
from querist.kernels.ranking import top_k


@dataclass(frozen=True)
class InTurn:
    """First the best candidate of every predicted class, then the second of each, and so on; the better score first in a turn."""

    whole: ClassVar[bool] = True
    """Probabilities of the items themselves are read."""

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        if scores is None:
            raise UsageError("InTurn needs a score", hint="Give Compose a `score`.")
        guesses = predictive(np.asarray(view.stat("probs"))).argmax(axis=1)
        turns = np.empty(len(scores), dtype=np.int64)
        for guess in np.unique(guesses):
            rows = np.flatnonzero(guesses == guess)
            turns[rows[top_k(scores[rows], len(rows))]] = np.arange(len(rows))
        best = np.lexsort((np.arange(len(scores)), -scores, turns))[:k]
        return Picks(best, scores[best], [f"score {scores[row]:.4g}, number {turns[row] + 1} of predicted class {guesses[row]}" for row in best])
