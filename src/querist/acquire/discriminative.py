"""Discriminative active learning: pick what a classifier of "labelled or not" is surest to be unlabelled.

Reference:
    Gissin & Shalev-Shwartz 2019, arXiv 1907.06347; Du, Zhong & Shao, ICIP 2019, pp. 1685–1689.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.embeddings import Features
from querist.acquire.selectors import selection
from querist.core.contracts import PoolView
from querist.core.records import Selection
from querist.kernels import mlp
from querist.kernels.ranking import top_k

FEW, NARROW = 30, 20
"""With fewer feature columns than the first, layers are as wide as the second."""

BLOCK = 1 << 16
"""Candidates standardised at a time."""


@dataclass(frozen=True)
class Discriminative:
    """The batch in mini-queries: each trains a fresh classifier, takes its surest "unlabelled" ones, and counts them as labelled.

    With nothing labelled or pending the first mini-query is drawn at random.

    Attributes:
        mini_queries: Parts of the batch, at most one a pick.
        ratio: Candidates per labelled item in the training set, drawn anew for every part.
        width: Width of the three hidden layers; 20 when the features have fewer than 30 columns.
        rate: Adam's learning rate.
        steps: Most steps of one training.
        rows: Rows a step.
        stop: Training accuracy at which it stops: a perfect classifier would be sure of candidates that resemble labelled ones too.
    """

    mini_queries: int = 10
    ratio: int = 10
    width: int = 256
    rate: float = 1e-3
    steps: int = 300
    rows: int = 128
    stop: float = 0.98

    @property
    def needs(self) -> frozenset[str]:
        """Always `features`."""
        return frozenset({"features"})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; a score is the probability of being unlabelled."""
        k = min(k, len(view.candidates))
        if k <= 0:
            return Selection((), ())
        x = Features().coordinates(view)
        known = Features().covered(view)
        free = np.ones(len(x), dtype=bool)
        picks: list[int] = []
        values: list[float] = []
        why: list[str] = []
        for number, part in enumerate(np.array_split(np.arange(k), max(min(self.mini_queries, k), 1)), start=1):
            open_ = np.flatnonzero(free)
            rows, sure, note = self._query(x, open_, np.concatenate([known, x[picks]]), len(part), rng)
            free[rows] = False
            picks, values = [*picks, *rows.tolist()], [*values, *sure.tolist()]
            why += [f"mini-query {number}: {value:.3f} unlabelled ({note})" if np.isfinite(value) else note for value in sure]
        return selection(view, picks, (value if np.isfinite(value) else 1.0 for value in values), why)

    def _query(self, x: np.ndarray, open_: np.ndarray, known: np.ndarray, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, str]:
        """Rows, their probabilities (NaN where drawn at random), and how the classifier was trained."""
        if not len(known):
            return rng.permutation(open_)[:size], np.full(size, np.nan), "nothing labelled yet: drawn at random"
        drawn = np.sort(rng.permutation(open_)[: self.ratio * len(known)])
        both = np.concatenate([known, x[drawn]]).astype(np.float64)
        mean, spread = both.mean(axis=0), both.std(axis=0)
        scale = 1.0 / np.where(spread > 0, spread, 1.0)
        width = NARROW if x.shape[1] < FEW else self.width
        start = mlp.initial([x.shape[1], width, width, width, 1], rng, np.dtype(np.float32))
        classes = np.arange(len(both)) >= len(known)
        inputs = ((both - mean) * scale).astype(np.float32)
        trained = mlp.train(inputs, classes, start, rng, rate=self.rate, steps=self.steps, batch=self.rows, stop=self.stop)
        blocks = (open_[first : first + BLOCK] for first in range(0, len(open_), BLOCK))
        odds = np.concatenate([mlp.logits(trained.layers, ((x[block] - mean) * scale).astype(np.float32)) for block in blocks])
        best = top_k(odds, size)
        return open_[best], mlp.sigmoid(odds[best].astype(np.float64)), f"accuracy {trained.accuracy:.3f} after {trained.steps} steps"
