"""Scores of sites folded to items: sites are rows (s,), item i owns the rows offsets[i]:offsets[i+1].

A site of weight 0 does not count: with or without it every item folds to the same number. An item without sites that count gets
`empty`. An item with one site of weight 1 gets that site's score, bit for bit, whatever the operator. Sums are float64, taken within an
item in the order of its sites, so that a chunk of items folds as the whole does.

What needs more than scores lies beside: `distance_maps` (sums weighted by the depth in a mask), `local` (maxima of cells of a grid),
`sequences` (whole sequences), `overlap` (masks that disagree).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import numpy as np
from jaxtyping import Float, Int

from querist.kernels import information

Fold = Callable[..., Any]
"""(scores (s,), offsets (n + 1,), weight (s,) or None, empty) → (n,)."""


def owners(offsets: Int[np.ndarray, " o"]) -> Int[np.ndarray, " s"]:
    """The item that each site belongs to."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def total(u: Float[np.ndarray, " s"], offsets: Int[np.ndarray, " o"], weight: Float[np.ndarray, " s"] | None = None, empty: float = 0.0) -> np.ndarray:
    """Sum of the scores: favours items with many sites, which cost more to label."""
    return _reduced(np.add, *_counting(u, offsets, weight), empty)


def mean(u: Float[np.ndarray, " s"], offsets: Int[np.ndarray, " o"], weight: Float[np.ndarray, " s"] | None = None, empty: float = 0.0) -> np.ndarray:
    """Mean of the scores of the sites that count."""
    u, offsets = _counting(u, offsets, weight)
    sizes = np.diff(offsets)
    return np.where(sizes > 0, _reduced(np.add, u, offsets, 0.0) / np.maximum(sizes, 1), empty)


def largest(u: Float[np.ndarray, " s"], offsets: Int[np.ndarray, " o"], weight: Float[np.ndarray, " s"] | None = None, empty: float = 0.0) -> np.ndarray:
    """Largest score: the least sure site speaks for the item."""
    return _reduced(np.maximum, *_counting(u, offsets, weight), empty)


def smallest(u: Float[np.ndarray, " s"], offsets: Int[np.ndarray, " o"], weight: Float[np.ndarray, " s"] | None = None, empty: float = 0.0) -> np.ndarray:
    """Smallest score; of a confidence or a consistency, the weakest site."""
    return _reduced(np.minimum, *_counting(u, offsets, weight), empty)


def topk_mean(
    u: Float[np.ndarray, " s"], offsets: Int[np.ndarray, " o"], weight: Float[np.ndarray, " s"] | None = None, empty: float = 0.0, *, k: int = 10
) -> np.ndarray:  # fmt: skip
    """Mean of the k largest scores, of all where there are fewer.

    Reference:
        Yuan et al. 2021 (MI-AOD), arXiv 2104.02324: k = 10,000 anchors.
    """
    u, offsets = _counting(u, offsets, weight)
    order = np.lexsort((-u, owners(offsets)))
    place = np.arange(len(u)) - np.repeat(offsets[:-1], np.diff(offsets))
    kept = place < k
    sizes = np.minimum(np.diff(offsets), k)
    return mean(u[order][kept], np.concatenate([[0], np.cumsum(sizes)]), None, empty)


def weighted_total(
    u: Float[np.ndarray, " s"], offsets: Int[np.ndarray, " o"], weight: Float[np.ndarray, " s"] | None = None, empty: float = 0.0
) -> np.ndarray:  # fmt: skip
    """Σ w·u."""
    u, offsets, w = _weighed(u, offsets, weight)
    return _reduced(np.add, u * w, offsets, empty)


def weighted_mean(
    u: Float[np.ndarray, " s"], offsets: Int[np.ndarray, " o"], weight: Float[np.ndarray, " s"] | None = None, empty: float = 0.0
) -> np.ndarray:  # fmt: skip
    """Σ w·u / Σ w; weights are divided first, so that one site of any weight keeps its score bit for bit."""
    u, offsets, w = _weighed(u, offsets, weight)
    shares = w / np.repeat(_reduced(np.add, w, offsets, 1.0), np.diff(offsets))
    return _reduced(np.add, u * shares, offsets, empty)


def class_mean_then(
    u: Float[np.ndarray, " s"],
    offsets: Int[np.ndarray, " o"],
    weight: Float[np.ndarray, " s"] | None = None,
    empty: float = 0.0,
    *,
    classes: Int[np.ndarray, " s"],
    then: Literal["sum", "max", "mean"] = "mean",
) -> np.ndarray:
    """Mean of the scores of each predicted class within an item, then the sum, maximum or mean of these means.

    Args:
        u: Scores.
        offsets: Whose they are.
        weight: What does not count has 0.
        empty: Of an item without sites.
        classes: Predicted class of each site, ≥ 0.
        then: How the classes of an item are joined.
    """
    kept, offsets = _kept(len(u), offsets, weight)
    u, classes = _wide(u)[kept], np.asarray(classes)[kept]
    order = np.lexsort((classes, owners(offsets)))
    pair = np.stack([owners(offsets), classes[order]], axis=1)
    new = np.ones(len(u), dtype=bool)
    new[1:] = (pair[1:] != pair[:-1]).any(axis=1)
    starts = np.append(np.flatnonzero(new), len(u))
    means = mean(u[order], starts)
    per_item = np.bincount(pair[new, 0], minlength=len(offsets) - 1)
    return np.asarray(JOINS[then](means, np.concatenate([[0], np.cumsum(per_item)]), None, empty))


def slot_mean_bvsb(probs: Float[np.ndarray, "s k c"], offsets: Int[np.ndarray, " o"], empty: float = 0.0) -> np.ndarray:
    """Mean over slots of p(2) / p(1), in [0, 1].

    Reference:
        Stark et al. 2015 (strings of several characters).
    """
    return mean(information.ratio(probs), offsets, None, empty)


def all_entities_mean(yes: Float[np.ndarray, "s k"], offsets: Int[np.ndarray, " o"], empty: float = 0.0) -> np.ndarray:
    """Mean over the candidate answers of the binary entropy of the mean probability, in nats, in [0, log 2].

    Args:
        yes: Probability of yes of each candidate under each sample.
        offsets: Whose candidates they are.
        empty: Of an item without candidates.

    Reference:
        Ostapuk, Yang & Cudré-Mauroux 2019 (ActiveLink).
    """
    return mean(binary_entropy(yes.mean(axis=1, dtype=np.float64)), offsets, None, empty)


def binary_entropy(p: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """-p log p - (1 - p) log(1 - p) in nats, 0 at 0 and 1."""
    wide = np.asarray(p, dtype=np.float64)
    return np.asarray(-information.xlogy(wide) - information.xlogy(1.0 - wide))


JOINS: Final[Mapping[str, Fold]] = {"sum": total, "max": largest, "mean": mean}
"""What joins the classes of an item."""

AGGREGATORS: Final[Mapping[str, Fold]] = {
    **JOINS,
    "min": smallest,
    "topk_mean": topk_mean,
    "weighted_mean": weighted_mean,
    "weighted_sum": weighted_total,
}
"""Name → operator, for those that need no more than scores and weights."""


def _wide(u: np.ndarray) -> np.ndarray:
    return np.asarray(u, dtype=np.float64)


def _kept(s: int, offsets: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Rows (j,) of the sites that count, and whose they are."""
    if weight is None or (weight > 0).all():
        return np.arange(s), np.asarray(offsets)
    counts = np.concatenate([[0], np.cumsum(weight > 0)])
    return np.flatnonzero(weight > 0), counts[offsets]


def _counting(u: np.ndarray, offsets: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Float64 scores of the sites that count, and whose they are."""
    kept, offsets = _kept(len(u), offsets, weight)
    return _wide(u)[kept] if len(kept) < len(u) else _wide(u), offsets


def _weighed(u: np.ndarray, offsets: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    w = np.ones(len(u)) if weight is None else _wide(weight)
    kept, offsets = _kept(len(u), offsets, weight)
    return _wide(u)[kept], offsets, w[kept]


def _reduced(ufunc: np.ufunc, u: np.ndarray, offsets: np.ndarray, empty: float) -> np.ndarray:
    """The ufunc over every item's sites."""
    out = np.full(len(offsets) - 1, empty, dtype=np.float64)
    there = np.diff(offsets) > 0
    if there.any():
        out[there] = ufunc.reduceat(u, offsets[:-1][there])
    return out
