"""How well pairs are told apart. Free of torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def measures(same: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
    """F1, precision and recall of the pairs called the same, average precision, accuracy; empty without targets.

    Args:
        same: Probability of yes (n,).
        targets: 1 for yes, 0 for no (n,).

    Returns:
        Precision, recall and F1 are 1 where there is nothing to find and nothing was found; average precision is then left out.
    """
    if not len(targets):
        return {}
    said, told = same >= 0.5, targets == 1
    hits, found, there = float((said & told).sum()), float(said.sum()), float(told.sum())
    right = {
        "f1": 2.0 * hits / (found + there) if found + there else 1.0,
        "precision": hits / found if found else float(not there),
        "recall": hits / there if there else 1.0,
        "accuracy": float((said == told).mean()),
    }
    return right | ({"average_precision": average_precision(same, told)} if there else {})


def average_precision(scores: NDArray[Any], told: NDArray[np.bool_]) -> float:
    """Mean over the true pairs of the precision down to each, equal scores taken together (the area under precision over recall, in steps)."""
    order = np.argsort(-scores, kind="stable")
    hits, ranked = np.cumsum(told[order]), scores[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    gained = np.diff(hits[last], prepend=0)
    return float((gained * hits[last] / (last + 1)).sum() / max(told.sum(), 1))
