"""Learning to Sample: a boosted classifier, a second model that learns where the first is wrong, and coverage.

Reference:
    Shao, Wang & Liu 2019, "Learning to sample: an active learning framework" (ICDM), arXiv 1909.03585; a reading of it, see the row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.embeddings import Features
from querist.acquire.selectors import selection
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.kernels import boosting
from querist.kernels.trade import traded

ROWS = 4096
MOST = 2000
"""Labelled items that the two models are fitted to, at even distances among more."""


@dataclass(frozen=True)
class LearningToSample:
    """Greedy argmax of share · predicted loss + (1 − share) · distance to what is covered, on features.

    The boosting model learns labels. The sampling model learns the losses of its held-out answers, and predicts those of the candidates.
    With labels of fewer than two classes, or fewer items than folds, there are no losses to learn and distance decides.

    Attributes:
        share: Of the predicted loss, λ.
        rounds: Stumps of each model.
        rate: Share of a stump that is added.
        folds: Of the held-out answers.
        balanced: Every class that the boosting model predicts gets an even share of the batch, as far as it has candidates.
    """

    share: float = 0.5
    rounds: int = 50
    rate: float = 0.3
    folds: int = 3
    balanced: bool = False

    @property
    def needs(self) -> frozenset[str]:
        """Always `features`."""
        return frozenset({"features"})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`.

        Raises:
            UsageError: for a share outside [0, 1] or fewer than two folds.
        """
        if not 0.0 <= self.share <= 1.0 or self.folds < 2:
            raise UsageError("a share and folds", got=f"share={self.share:g}, folds={self.folds}", wanted="share in [0, 1], at least 2 folds")
        if min(k, len(view.candidates)) <= 0:
            return Selection((), ())
        x = Features().coordinates(view)
        covered = Features().covered(view)
        scores, classes = self._losses(x, covered[: len(view.labelled)], np.asarray(view.labels, dtype=np.int64), view.classes)
        rows, values = traded(x, covered, scores, self.share, k, classes if self.balanced else None)
        why = [f"predicted loss {scores[row]:.3g}, value {value:.3g}" for row, value in zip(rows, values, strict=True)]
        return selection(view, rows, values, why)

    def _losses(self, x: np.ndarray, known: np.ndarray, labels: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Predicted losses (n,) and predicted classes of the candidates."""
        if len(labels) != len(known) or len(labels) < self.folds or len(np.unique(labels)) < 2:
            return np.zeros(len(x)), None
        some = np.linspace(0, len(labels) - 1, min(len(labels), MOST)).round().astype(np.int64)
        known, labels = known[some].astype(np.float64), labels[some]
        losses = boosting.held_out_losses(known, labels, classes, self.folds, self.rounds, self.rate)
        sampling = boosting.regressor(known, losses, self.rounds, self.rate)
        model = boosting.classifier(known, labels, classes, self.rounds, self.rate) if self.balanced else None
        scores, guessed = np.empty(len(x)), np.zeros(len(x), dtype=np.int64)
        for first in range(0, len(x), ROWS):
            part = x[first : first + ROWS].astype(np.float64)
            scores[first : first + ROWS] = boosting.predicted(sampling, part)[:, 0]
            if model is not None:
                guessed[first : first + ROWS] = boosting.predicted(model, part).argmax(axis=1)
        return scores, guessed
