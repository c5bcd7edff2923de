"""Scores of sites, folded to items: the same score serves items, slots, tokens, pixels and boxes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from querist.core.contracts import PoolView
from querist.core.errors import CapabilityError
from querist.core.sites import Sites
from querist.core.statistic import fold_of

ProbsKernel = Callable[[np.ndarray], np.ndarray]


def item_scores(view: PoolView, kernel: ProbsKernel) -> np.ndarray:
    """Scores (n,) of the candidates by a kernel over (n, k, c): of the items themselves, or of their sites and then aggregated.

    Args:
        view: The round.
        kernel: (s, k, c) → (s,), higher = more wanted.
    """
    by = getattr(view, "aggregator", None)
    if by is None:
        return kernel(view.stat("probs"))
    return fold_of(view, "sites", lambda said: by(kernel(probs_of(said)), said))


def probs_of(said: Sites) -> np.ndarray:
    """Probabilities (s, k, c) of the sites.

    Raises:
        CapabilityError: where numbers are predicted.
    """
    if said.probs is None:
        raise CapabilityError("these sites have no classes", got="predicted numbers", wanted="a method for numbers, such as variance")
    return said.probs
