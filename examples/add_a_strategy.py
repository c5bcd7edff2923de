"""A strategy of your own in one small file; nothing has to be registered.

Run it beside the built-in ones by its import path, from the folder above this one:

    querist run digits --method examples.add_a_strategy:Mine --method margin --seeds 5

Started as a script, this file makes a small study of its own. To test a strategy, inherit the contract:

    class TestMine(querist.testing.AcquisitionContract):
        @pytest.fixture
        def acquisition(self):
            return Mine()
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import querist
from querist.acquire.checks import finite
from querist.core.contracts import PoolView
from querist.core.records import Selection
from querist.kernels.information import margin
from querist.kernels.ranking import top_k


@dataclass(frozen=True)
class Mine:
    """Margin in turns: first the most ambiguous item of every predicted class, then the second of each, and so on."""

    needs: ClassVar[frozenset[str]] = frozenset({"probs"})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """Statistics in (rows in the order of `view.candidates`), ids out, most wanted first."""
        probs = finite(view.stat("probs"), view.candidates, "probs")
        guesses = probs.mean(axis=1).argmax(axis=1)
        scores = margin(probs).astype(np.float64)  # in [0, 1], so a whole turn weighs more
        for guess in np.unique(guesses):
            rows = np.flatnonzero(guesses == guess)
            scores[rows[top_k(scores[rows], len(rows))]] -= np.arange(len(rows))
        best = top_k(scores, k)
        return Selection(
            tuple(view.candidates[row] for row in best), tuple(scores[best].tolist()), tuple(f"turn {1 - np.floor(scores[row]):.0f}" for row in best)
        )


if __name__ == "__main__":
    study = querist.simulate("digits", ["__main__:Mine", "margin"], seeds=2, initial=20, batch=20, budget=100)
    for name, result in study.methods.items():
        print(f"{name:<14} accuracy at {study.budgets[-1]} labels: {np.mean([curve[-1] for curve in result.curve]):.3f}")
