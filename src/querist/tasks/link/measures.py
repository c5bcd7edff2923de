"""Where the true tails of queries are ranked, with all other true ones left out. Free of torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def filtered_ranks(scores: NDArray[Any], true: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Rank of every true tail among itself and the entities that are not true, in row order; 1 is the best.

    Args:
        scores: Of every entity (n, e), higher is likelier.
        true: Which entities are true (n, e).

    Returns:
        (m,) for the m true tails; with equal scores, the mean of the best and the worst rank (a network that says nothing is in the middle).
    """
    found = []
    for row, answer in zip(np.asarray(scores, dtype=np.float64), true, strict=True):
        others, own = np.sort(row[~answer]), row[answer]
        above = len(others) - np.searchsorted(others, own, side="right")
        level = len(others) - np.searchsorted(others, own, side="left") - above
        found.append(1.0 + above + level / 2.0)
    return np.concatenate(found) if found else np.empty(0)


def measures(ranks: NDArray[np.float64]) -> dict[str, float]:
    """Mean reciprocal rank, share of ranks up to 1, 3 and 10, mean rank; empty without ranks."""
    if not len(ranks):
        return {}
    hits = {f"hits@{k}": float((ranks <= k).mean()) for k in (1, 3, 10)}
    return {"mrr": float((1.0 / ranks).mean()), **hits, "mean_rank": float(ranks.mean())}
