"""How probabilities and batches behave, where a learning curve does not show it: over-confidence, finding what was never seen, copies and crowding in batches.

`n` items, `c` classes, `m` items of a batch, `d` features.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from querist.core.errors import UsageError
from querist.kernels.agreement import spearman
from querist.kernels.ranking import top_k


def overconfidence(probs: Float[np.ndarray, "n c"], labels: Int[np.ndarray, " n"]) -> float:
    """Mean probability of the predicted class minus the share of right predictions, in [-1, 1]: above 0 is over-confident.

    Unlike the calibration error it has a sign, and no bins.

    Raises:
        UsageError: without items.
    """
    if not len(labels):
        raise UsageError("confidence is compared with accuracy on items", got=0, wanted="at least 1")
    return float(probs.max(axis=1).astype(np.float64).mean() - (probs.argmax(axis=1) == labels).mean())


def detection(scores: Float[np.ndarray, " n"], positive: Bool[np.ndarray, " n"]) -> float:
    """How well a score finds the positive items: area under the ROC curve, the probability that one of them has a higher score than another item.

    Ties count half; .5 is chance. The form of Mann and Whitney, from ranks.

    Raises:
        UsageError: if all items are positive, or none.
    """
    p, n = int(positive.sum()), len(positive)
    if not 0 < p < n:
        raise UsageError("detection needs items of both kinds", got=f"{p} of {n} positive")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # from 1, ties with their mean
    return float((ranks[positive].sum() - p * (p + 1) / 2) / (p * (n - p)))


def agreement(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"], k: int) -> tuple[float, float]:
    """Rank correlation of two scores of the same items, NaN where one is constant, and the share of the k best of the first among those of the second."""
    best = set(top_k(a, k).tolist())
    return spearman(a, b), len(best & set(top_k(b, k).tolist())) / max(len(best), 1)


def copies(batches: Sequence[Sequence[str]], origin: Sequence[Sequence[Hashable]]) -> float:
    """Share of the items bought after the first batch of which another copy is in the same batch or was bought before.

    Args:
        batches: Ids of every round, the start first.
        origin: The same shape: what each is a copy of.

    Returns:
        0 where nothing was bought.
    """
    if [len(batch) for batch in batches] != [len(row) for row in origin]:
        raise UsageError("every item needs its origin", got=[len(row) for row in origin], wanted=[len(batch) for batch in batches])
    before, found, bought = set(origin[0]) if origin else set(), 0, 0
    for row in origin[1:]:
        found += sum(one in before or row.count(one) > 1 for one in row)
        bought += len(row)
        before |= set(row)
    return found / bought if bought else 0.0


def spread(x: Float[np.ndarray, "m d"]) -> float:
    """Mean Euclidean distance of an item of a batch to the nearest other one of it: small where a batch is crowded.

    Raises:
        UsageError: for fewer than two items.
    """
    if len(x) < 2:
        raise UsageError("a batch of one has no spread", got=len(x), wanted="at least 2")
    rows = x.astype(np.float64)
    nearest = [np.sqrt(np.delete(np.einsum("md,md->m", rows - row, rows - row), place).min()) for place, row in enumerate(rows)]
    return float(np.mean(nearest))
