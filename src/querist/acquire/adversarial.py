"""WAAL's query: what the network is unsure of, and what lies where labelled items do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.core.contracts import PoolView
from querist.kernels.adversarial import sureness


@dataclass(frozen=True)
class UnsureAndUnlike:
    """weight · g(x) - (½·‖log p‖₂ + ½·‖log p‖₁): the critic's value high, the probabilities near uniform.

    Reference:
        Shui, Zhou, Gagné & Wang 2020, arXiv 1911.09162.

    Attributes:
        weight: Of the critic. In the paper 10, of a critic that a sigmoid holds in (0, 1); one of slope 1 spans about as much over a pool by itself.
    """

    weight: float = 1.0

    @property
    def needs(self) -> frozenset[str]:
        """Probabilities and the critic's values."""
        return frozenset({"probs", "critic"})

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the candidates."""
        return np.asarray(self.weight * np.asarray(view.stat("critic"), dtype=np.float64) - sureness(view.stat("probs")))
