"""Stochastic batches: a noisy top k repairs the near-duplicates of the exact one, at its cost (arXiv 2106.12059)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.embeddings import Embedding
from querist.acquire.selectors import Picks
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.kernels.ranking import gumbel_top_k, top_k

MODES = ("power", "softmax", "softrank")


@dataclass(frozen=True)
class Stochastic:
    """Draws without replacement, each candidate with probability ∝ exp(weight) among what is left.

    Attributes:
        mode: The weight of a score s: `power` β·log s (a score ≤ 0 only when nothing else is left), `softmax` β·s,
            `softrank` -β·log(rank).
        beta: Coldness ≥ 0. 0 draws uniformly, infinity takes the best scores.

    Reference:
        Kirsch et al. 2023, Stochastic Batch Acquisition, arXiv 2106.12059.
    """

    mode: str = "power"
    beta: float = 1.0

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`.

        Raises:
            UsageError: without a score, for an unknown mode or a negative beta.
        """
        if scores is None:
            raise UsageError("Stochastic needs a score", hint="Give Compose a `score`.")
        if self.mode not in MODES or not self.beta >= 0:
            raise UsageError("Stochastic cannot draw like this", got=f"mode={self.mode!r}, beta={self.beta}", wanted=f"{', '.join(MODES)}; beta ≥ 0")
        rows = top_k(scores, k) if np.isinf(self.beta) else gumbel_top_k(self.weights(scores), k, rng)[0]
        return Picks(rows, scores[rows], [f"score {value:.4g}, drawn ({self.mode}, β = {self.beta:g})" for value in scores[rows]])

    def weights(self, scores: np.ndarray) -> np.ndarray:
        """Logarithms (n,) of the relative probabilities of the first draw, up to a constant."""
        if self.beta == 0:
            return np.zeros(len(scores))
        if self.mode == "softmax":
            return np.asarray(self.beta * (scores - scores.max()))
        if self.mode == "power":
            with np.errstate(divide="ignore"):
                return np.asarray(self.beta * np.log(np.maximum(scores, 0.0)))
        rank = np.empty(len(scores))
        rank[top_k(scores, len(scores))] = np.arange(1, len(scores) + 1)
        return np.asarray(-self.beta * np.log(rank))
