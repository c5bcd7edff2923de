"""How sure is sure enough, and how much a pseudo-labelled item counts: thresholds that move from round to round, self-paced weights.

Reference:
    Wang et al. 2017 (CEAL), arXiv 1701.03551; Kumar, Packer & Koller 2010 (self-paced learning); Jiang et al. 2014 (linear weights).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int


def threshold(start: float, decay: float, times: int, *, cumulative: bool = False) -> float:
    """δ after some rounds, never below 0: δ₀ - dr·t, or read as a recursion δ ← δ - dr·t, which is δ₀ - dr·t(t + 1)/2.

    Args:
        start: δ₀.
        decay: dr.
        times: t, from 0.
        cumulative: Whether the decrease of a round is subtracted from the threshold of the round before.
    """
    return max(start - decay * (times * (times + 1) / 2 if cumulative else times), 0.0)


def pace(start: float, growth: float, times: int) -> float:
    """λ after some rounds: λ₀ · μ^t.

    Args:
        start: λ₀.
        growth: μ ≥ 1.
        times: t, from 0.
    """
    return start * growth**times


def hard_weights(losses: Float[np.ndarray, " n"], level: float) -> Float[np.ndarray, " n"]:
    """The v in [0, 1] that minimises v·ℓ - λ·v: 1 where ℓ < λ, else 0.

    Args:
        losses: ℓ.
        level: λ.
    """
    return (losses < level).astype(np.float64)


def linear_weights(losses: Float[np.ndarray, " n"], level: float) -> Float[np.ndarray, " n"]:
    """The v in [0, 1] that minimises v·ℓ + λ(v²/2 - v): max(0, 1 - ℓ/λ); 0 for λ = 0.

    Args:
        losses: ℓ ≥ 0.
        level: λ.
    """
    if level <= 0:
        return np.zeros(len(losses))
    return np.maximum(1.0 - losses.astype(np.float64) / level, 0.0)


def capped(rows: Int[np.ndarray, " m"], groups: Int[np.ndarray, " m"] | None, most: int, most_of_one: int) -> Int[np.ndarray, " j"]:
    """The first rows in this order of which no group has more than its cap, and all together no more than theirs; ascending.

    Args:
        rows: In the order of preference.
        groups: What each row belongs to; None for no groups.
        most: Rows in all.
        most_of_one: Rows of a group.
    """
    if groups is not None:
        rows = rows[list(_within(groups, most_of_one))]
    return np.sort(rows[:most])


def _within(groups: np.ndarray, most: int) -> Iterator[int]:
    counts: dict[int, int] = {}
    for place, group in enumerate(groups.tolist()):
        counts[group] = counts.get(group, 0) + 1
        if counts[group] <= most:
            yield place
