"""Strategies for predicted numbers: how far the members of a committee are apart, and greedy sampling in inputs and outputs.

References:
    Krogh & Vedelsby 1995 (ambiguity of an ensemble); RayChaudhuri & Hamey 1995 (query by committee for regression).
    Wu, Lin & Huang 2019 (greedy sampling: GSx, GSy, iGS), arXiv 1808.04245; Abdelwahab & Busso 2019 (for speech emotion), ACII.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.checks import finite
from querist.acquire.selectors import reached, selection
from querist.core.contracts import PoolView
from querist.core.errors import CapabilityError, UsageError
from querist.core.records import Selection
from querist.core.sites import Sites
from querist.core.statistic import fold_of
from querist.kernels.greedy_sampling import MODES, greedy_sampling
from querist.kernels.latent import latent_spread


def scaled(said: Sites) -> np.ndarray:
    """Predicted numbers (s, k, d) of the sites, divided by the `scale` of each target where the task says one.

    Raises:
        CapabilityError: where classes are predicted.
    """
    if said.values is None:
        raise CapabilityError("these sites have no numbers", got="class probabilities", wanted="a task of numbers: regression")
    values, scale = np.asarray(said.values, dtype=np.float64), said.extra.get("scale")
    return values if scale is None else values / np.asarray(scale)[:, None]


@dataclass(frozen=True)
class ValueVariance:
    """Variance of the predicted numbers between the k functions, in units of their expected ranges, summed over the numbers.

    Attributes:
        total: Also add the variance that each function expects of the answer itself, where it says one.
    """

    total: bool = False

    @property
    def needs(self) -> frozenset[str]:
        """Always `values`."""
        return frozenset({"values"})

    def __call__(self, view: PoolView) -> np.ndarray:
        """Scores (n,) of the candidates."""
        by = getattr(view, "aggregator", None)

        def score(said: Sites) -> np.ndarray:
            spread = latent_spread(scaled(said))
            if self.total and said.noise is not None:
                scale = np.asarray(said.extra.get("scale", 1.0))
                spread = spread + (np.asarray(said.noise, dtype=np.float64).mean(axis=1) / np.square(scale)).sum(axis=1)
            return np.asarray(spread if by is None else by(spread, said))

        return fold_of(view, "values", score)


@dataclass(frozen=True)
class GreedySampling:
    """Farthest-first in features, in predictions, or in both. What is known of labelled and pending items is what is predicted for them.

    Attributes:
        mode: `inputs`, `outputs`, `product` or `paired`; see `kernels.greedy_sampling`.
    """

    mode: str = "product"

    @property
    def needs(self) -> frozenset[str]:
        """`features` and `values`, or one of them."""
        return frozenset({"inputs": {"features"}, "outputs": {"values"}}.get(self.mode, {"features", "values"}))

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`.

        Raises:
            UsageError: for an unknown mode.
        """
        if self.mode not in MODES:
            raise UsageError("unknown mode of greedy sampling", got=self.mode, wanted=", ".join(MODES))
        groups = [of for of in ("labelled", "pending") if len(getattr(view, of))]
        x, y = self._points(view, "candidates")
        known = [self._points(view, of) for of in groups]
        known_x, known_y = (np.concatenate([pair[side] for pair in known]) if known else part[:0] for side, part in enumerate((x, y)))
        rows, values = greedy_sampling(x, y, known_x, known_y, k, self.mode)
        why = ["next to the mean of the pool" if np.isinf(value) else f"distance {value:.4g} by {self.mode} from what is known" for value in values]
        return selection(view, rows, reached(values), why)

    def _points(self, view: PoolView, of: str) -> tuple[np.ndarray, np.ndarray]:
        """Features (m, d) and predictions (m, t) of some ids; zeros (m, 1) for what the mode does not look at."""
        ids = getattr(view, of)
        x = np.asarray(view.stat("features", of)) if "features" in self.needs else np.zeros((len(ids), 1))
        y = fold_of(view, "values", _means, of) if "values" in self.needs else np.zeros((len(ids), 1))
        return finite(x, ids, "features"), finite(y, ids, "values")


def _means(said: Sites) -> np.ndarray:
    """Mean predictions (m, sites·d) of items with equally many sites."""
    return np.asarray(scaled(said).mean(axis=1).reshape(len(said), -1))
