"""What a run bought: how soon every class was seen, the rare ones above all, how many near-duplicates, and how even the classes are.

`m` labels in the order bought, the start first. Classes are 0 … c − 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from querist.core.errors import UsageError
from querist.kernels.nearest import nearest

_BLOCK = 256
"""Labels compared with each other at once; with all earlier ones the kernel compares them in chunks."""


@dataclass(frozen=True, slots=True)
class Labelling:
    """The labels of one run.

    Attributes:
        labels: How many.
        until_every_class: Labels until every class of the pool was seen once; None if never.
        until_ten_each: Labels until every class was seen ten times, or as often as the pool has it; None if never.
        rarest: The class with the fewest items in the pool, the lowest of equals.
        rarest_recall: Share of its pool items that were bought.
        balance: Entropy of the classes bought over its largest value: 1 is even, 0 one class only.
        near_duplicates: Share of labels within the distance of an earlier one; None without features.
    """

    labels: int
    until_every_class: int | None
    until_ten_each: int | None
    rarest: int
    rarest_recall: float
    balance: float
    near_duplicates: float | None = None


def labelling(
    chosen: Sequence[str],
    classes: Mapping[str, int],
    *,
    features: Mapping[str, Float[np.ndarray, " d"]] | None = None,
    distance: float | None = None,
) -> Labelling:
    """What a run bought, from its ids in order.

    Args:
        chosen: (m,) ids in the order bought, initial labels included.
        classes: Every id of the pool, bought or not, → its class.
        features: Features of the ids bought, or None to leave near-duplicates out.
        distance: Euclidean distance up to which two items are near-duplicates.

    Raises:
        UsageError: if an id is bought twice or is not in the pool, or features come without a distance.
    """
    if len(set(chosen)) != len(chosen):
        raise UsageError("an item was bought twice", got=f"{len(chosen)} labels of {len(set(chosen))} items")
    strangers = [item for item in chosen if item not in classes]
    if strangers:
        raise UsageError("labels of items that are not in the pool", got=strangers[:3])
    if (features is None) != (distance is None):
        raise UsageError("near-duplicates need features and a distance, both or neither")
    bought, pool = np.array([classes[item] for item in chosen], dtype=np.int64), np.array(list(classes.values()), dtype=np.int64)
    rarest, recall = rarest_recall(bought, pool)
    near = None
    if features is not None and distance is not None:
        near = near_duplicates(np.stack([features[item] for item in chosen]), distance) if chosen else 0.0
    return Labelling(len(chosen), labels_until(bought, pool, 1), labels_until(bought, pool, 10), rarest, recall, balance(bought, pool), near)


def labels_until(bought: ArrayLike, pool: ArrayLike, times: int) -> int | None:
    """Labels until every class of the pool was bought so many times, or entirely where the pool has fewer of it.

    Args:
        bought: (m,) classes in the order bought.
        pool: (n,) classes of all items, bought ones included.
        times: At least 1.

    Returns:
        None if it never came to that.
    """
    order, (present, sizes) = _integers(bought), np.unique(_integers(pool), return_counts=True)
    last = 0
    for label, size in zip(present, sizes, strict=True):
        places = np.flatnonzero(order == label)
        wanted = min(times, int(size))
        if places.size < wanted:
            return None
        last = max(last, int(places[wanted - 1]) + 1)
    return last


def rarest_recall(bought: ArrayLike, pool: ArrayLike) -> tuple[int, float]:
    """The class with the fewest items in the pool, the lowest of equals, and the share of them that was bought.

    Args:
        bought: (m,) classes bought.
        pool: (n,) classes of all items, bought ones included, n ≥ 1.
    """
    present, sizes = np.unique(_integers(pool), return_counts=True)
    if not present.size:
        raise UsageError("an empty pool has no rarest class")
    place = int(sizes.argmin())
    return int(present[place]), float((_integers(bought) == present[place]).sum() / sizes[place])


def balance(bought: ArrayLike, pool: ArrayLike) -> float:
    """Entropy of the classes bought, relative to that of an even spread over the classes of the pool.

    Args:
        bought: (m,) classes bought.
        pool: (n,) classes of all items.

    Returns:
        1 for an even spread or a pool of one class, 0 where a single class or nothing was bought.
    """
    classes = np.unique(_integers(pool)).size
    if classes < 2:
        return 1.0
    counts = np.unique(_integers(bought), return_counts=True)[1]
    shares = counts / max(1, counts.sum())
    return max(0.0, float(-(shares * np.log(shares)).sum() / np.log(classes)))


def near_duplicates(features: Float[np.ndarray, "m d"], distance: float) -> float:
    """Share of labels that lie within a distance of a label bought earlier.

    Args:
        features: (m, d) in the order bought.
        distance: Euclidean, inclusive; 0 counts exact copies.

    Returns:
        0 without labels; the first label is never one.
    """
    if distance < 0:
        raise UsageError("near-duplicates lie within a distance", got=distance, wanted="0 or more")
    found = 0
    for start in range(0, len(features), _BLOCK):
        block = features[start : start + _BLOCK].astype(np.float64)
        closest = nearest(block, features[:start])[1] if start else np.full(len(block), np.inf)
        for place in range(1, len(block)):
            gap = block[:place] - block[place]
            closest[place] = min(closest[place], np.einsum("pd,pd->p", gap, gap).min())
        found += int((np.sqrt(closest) <= distance).sum())
    return found / len(features) if len(features) else 0.0


def _integers(classes: ArrayLike) -> NDArray[np.int64]:
    return np.asarray(classes, dtype=np.int64).reshape(-1)
