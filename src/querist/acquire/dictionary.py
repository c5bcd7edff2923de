"""Weighted incremental dictionary: candidates whose features, with those labelled, reconstruct the uncertain part of the pool.

Reference:
    After Liu, Zhang & Eom 2017, "Active deep learning for classification of hyperspectral images", arXiv 1611.10031.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.embeddings import Embedding
from querist.acquire.selectors import Picks
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.kernels.dictionary import dictionary
from querist.kernels.neighbours import unit


@dataclass(frozen=True)
class Dictionary:
    """Greedy atoms; the score weighs what has to be reconstructed and the candidate itself.

    Attributes:
        own: Power of a candidate's own weight.
        known: Whether the features of labelled items are atoms from the start.
    """

    own: float = 1.0
    known: bool = True

    def choose(self, view: PoolView, scores: np.ndarray | None, embed: Embedding | None, k: int, rng: np.random.Generator) -> Picks:
        """See `Selector`."""
        if embed is None or scores is None:
            raise UsageError("Dictionary needs a score and an embedding", hint="Give Compose a `score` and an `embed`.")
        x = unit(np.asarray(embed.coordinates(view), dtype=np.float64))
        covered = unit(np.asarray(embed.covered(view), dtype=np.float64)) if self.known else None
        found = dictionary(x, np.maximum(scores, 0.0), k, covered, self.own)
        why = [f"{left:.1%} of the uncertain pool left unexplained" for left in found.left.tolist()]
        return Picks(found.rows, scores[found.rows], why)
