"""Exploration-P: uncertain but mutually dissimilar batches, with exploring picks that grow rarer from round to round.

Reference:
    Yin et al. 2017, doi:10.1109/ICDM.2017.67.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.groups import settled_rows
from querist.acquire.selectors import selection
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.kernels.information import entropy, predictive
from querist.kernels.ranking import top_k
from querist.kernels.redundancy import centred_log_probs, explore_exploit


@dataclass(frozen=True)
class ExplorationP:
    """Greedy on entropy minus `alpha` times the mean similarity to the batch; each pick explores instead with probability p_t.

    p_t = max(floor, 1 - t / horizon) in round t. An exploring pick is the candidate among the `width · k` largest entropies
    that is least similar, on average, to everything labelled, pending or picked. Similarity is the inner product of centred log-probabilities.

    Attributes:
        alpha: Weight of the redundancy; 0 with `floor` 0 and `horizon` 1 is entropy.
        horizon: Round from which p_t is `floor`.
        floor: Least probability of exploring.
        width: Size of the list that exploring picks come from, in batches.
        unit: Scale the log-probabilities of each item to length 1, so that similarity is a cosine.
    """

    alpha: float = 1.0
    horizon: int = 10
    floor: float = 0.1
    width: int = 10
    unit: bool = True

    @property
    def needs(self) -> frozenset[str]:
        """Always `probs`."""
        return frozenset({"probs"})

    def probability(self, round_: int) -> float:
        """p_t of a round.

        Raises:
            UsageError: for a horizon below 1.
        """
        if self.horizon < 1:
            raise UsageError("the horizon of exploration is a number of rounds", got=self.horizon, wanted="≥ 1")
        return max(self.floor, 1.0 - round_ / self.horizon)

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        k = min(k, len(view.candidates))
        if k <= 0:
            return Selection((), ())
        p = self.probability(view.round)
        probs = view.stat("probs")
        uncertainty = finite(entropy(probs), view.candidates, "probs")
        f = centred_log_probs(predictive(probs), unit=self.unit)
        shortlist = top_k(uncertainty, max(self.width, 1) * k)
        rows, values, explored = explore_exploit(uncertainty, f, k, self.alpha, rng.random(k) < p, shortlist, self._covered(view, f))
        why = [
            f"exploring (p = {p:.2g}): least similar to labelled and picked items, entropy {uncertainty[row]:.4g}" if away
            else f"entropy {uncertainty[row]:.4g}, {value:.4g} less its similarity to the batch"
            for row, value, away in zip(rows, values, explored, strict=True)
        ]  # fmt: skip
        return selection(view, rows, values, why)

    def _covered(self, view: PoolView, f: np.ndarray) -> np.ndarray:
        """(m, c) of labelled, then pending items."""
        parts = [predictive(part) for part in settled_rows(view, "probs")]
        return centred_log_probs(np.concatenate(parts), unit=self.unit) if parts else f[:0]
