"""Half of the batch from the predicted matches, half from the predicted non-matches: likely false positives and likely false negatives.

Reference:
    Kasai, Qian, Gurajada, Li & Popa 2019, arXiv 1906.08042.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.selectors import selection
from querist.core.contracts import PoolView
from querist.core.records import Selection
from querist.kernels.allotting import level
from querist.kernels.information import entropy, predictive
from querist.kernels.quotas import sides
from querist.kernels.ranking import top_k


@dataclass(frozen=True)
class BothSides:
    """The highest entropies of every predicted class, as many of each; of two classes, of yes (the second) and no."""

    @property
    def needs(self) -> frozenset[str]:
        """Probabilities."""
        return frozenset({"probs"})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; what one side has too few of is filled up from the other."""
        k = min(k, len(view.candidates))
        if k <= 0:
            return Selection((), ())
        probs = finite(view.stat("probs"), view.candidates, "probs")
        mean, scores = predictive(probs), finite(entropy(probs), view.candidates, "probs")
        if mean.shape[1] == 2:
            predicted = (mean[:, 1] >= 0.5).astype(np.int64)
            rows, _ = sides(mean[:, 1], scores, k)
        else:
            predicted, order = mean.argmax(axis=1), top_k(scores, len(scores))
            rows = order[level(predicted[order], np.zeros(mean.shape[1]), k)]
        why = [f"entropy {scores[row]:.4g} among those called class {predicted[row]} (p = {mean[row, predicted[row]]:.3g})" for row in rows]
        return selection(view, rows, scores[rows], why)
