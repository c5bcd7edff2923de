"""Picks in score order under a rule: apart in time, or until the money is spent."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from querist.kernels.ranking import top_k


def apart(
    scores: Float[np.ndarray, " n"], sequence: Shaped[np.ndarray, " n"], time: Float[np.ndarray, " n"], gap: float, k: int, barred: Bool[np.ndarray, " n"]
) -> Int[np.ndarray, " p"]:  # fmt: skip
    """Best first, passing over what lies within `gap` of a pick of the same sequence; when nothing else is left, the bars fall.

    Args:
        scores: Higher = more wanted.
        sequence: Which sequence each row is of.
        time: In it.
        gap: |t - t'| ≤ gap is too near.
        k: Picks.
        barred: Rows that earlier picks bar.

    Returns:
        min(k, n) rows; those that a bar would have kept out come last, best first.

    Reference:
        Aghdam et al. 2019, arXiv 1911.09168, in both directions of time.
    """
    order, closed, picks = top_k(scores, len(scores)), barred.copy(), list[int]()
    for row in order.tolist():
        if len(picks) == k:
            break
        if not closed[row]:
            picks.append(row)
            closed |= near(sequence, time, sequence[row : row + 1], time[row : row + 1], gap)
    taken = set(picks)
    rest = [row for row in order.tolist() if row not in taken]
    return np.asarray((picks + rest)[:k], dtype=np.int64)


def near(
    sequence: Shaped[np.ndarray, " n"], time: Float[np.ndarray, " n"], others: Shaped[np.ndarray, " m"], at: Float[np.ndarray, " m"], gap: float
) -> Bool[np.ndarray, " n"]:  # fmt: skip
    """Rows that lie within `gap` of one of the others of their sequence."""
    close = np.zeros(len(sequence), dtype=bool)
    for other, moment in zip(others, at, strict=True):
        close |= (sequence == other) & (np.abs(time - moment) <= gap)
    return close


def until_spent(scores: Float[np.ndarray, " n"], costs: Float[np.ndarray, " n"], budget: float, k: int, *, strict: bool = False) -> Int[np.ndarray, " p"]:
    """At most k rows in score order until the budget is spent.

    Args:
        scores: Higher = more wanted.
        costs: ≥ 0: words of a sentence.
        budget: The row that crosses it is taken and is the last one: what is reported as spent may exceed the budget by less than its cost.
        k: Most rows.
        strict: Never cross: rows that do not fit are passed over and cheaper ones after them taken.
    """
    picks, spent = list[int](), 0.0
    for row in top_k(scores, len(scores)).tolist():
        if len(picks) == k or spent >= budget:
            break
        if strict and spent + costs[row] > budget:
            continue
        picks.append(row)
        spent += float(costs[row])
    return np.asarray(picks, dtype=np.int64)
