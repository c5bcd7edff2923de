"""GLISTER: candidates whose labels, as hypothesised, would lower the validation loss most.

Reference:
    Killamsetty et al. 2021 (GLISTER-ACTIVE), arXiv 2012.10630.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.groups import settled
from querist.acquire.selectors import selection
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.kernels.gradients import residual
from querist.kernels.information import predictive
from querist.kernels.lookahead import taylor_greedy

SMALLEST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Glister:
    """Greedy one-step look-ahead with factorised last-layer gradients.

    The validation set is what is known without spending budget: the labelled items with their labels, leased items and a
    random part of the candidates with the labels that the model predicts.

    Attributes:
        rate: Size of the hypothetical gradient step.
        pseudo: Candidates in the validation set.
    """

    rate: float = 0.01
    pseudo: int = 1000

    @property
    def needs(self) -> frozenset[str]:
        """Both sides of the last layer."""
        return frozenset({"probs", "features"})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; scores are gains: the fall of the validation loss per unit of step."""
        if self.rate <= 0 or self.pseudo < 1:
            raise UsageError("GLISTER needs a step and items to look at", got=f"rate={self.rate:g}, pseudo={self.pseudo}", wanted="rate > 0, pseudo ≥ 1")
        if min(k, len(view.candidates)) <= 0:
            return Selection((), ())
        probs, h = _sides(view, "candidates")
        sample = np.sort(rng.permutation(len(probs))[: self.pseudo])
        parts = [(probs[sample], h[sample], probs[sample].argmax(axis=1)), *_known(view)]
        logits, held, targets = (np.concatenate(column) for column in zip(*parts, strict=True))
        rows, gains = taylor_greedy(residual(probs), h, np.log(np.maximum(logits, SMALLEST)), targets, held, k, self.rate)
        why = tuple(f"gain {gain:.4g} on {len(targets)} validation items" for gain in gains)
        return selection(view, rows, gains, why)


def _sides(view: PoolView, of: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean probabilities (n, c), and features with a 1 for the bias (n, d + 1)."""
    ids = getattr(view, of)
    probs, features = (finite(np.asarray(view.stat(name, of)), ids, f"{name} of {of} items") for name in ("probs", "features"))
    return predictive(probs), np.concatenate([features, np.ones((len(features), 1), dtype=features.dtype)], axis=1)


def _known(view: PoolView) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Labelled items with their labels (with predicted ones where nobody told them), and leased ones with predicted labels."""
    found = []
    for of, ids in settled(view):
        probs, h = _sides(view, of)
        told = of == "labelled" and len(view.labels) == len(ids)
        found.append((probs, h, np.asarray(view.labels, dtype=np.int64) if told else probs.argmax(axis=1)))
    return found
