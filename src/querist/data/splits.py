"""Splits that never change: drawn from `stream(seed, 0, "split")`, in canonical id order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from querist.core.errors import UsageError
from querist.core.order import canonical
from querist.core.rng import stream


def random_split(ids: Iterable[str], size: int | float, seed: int = 0) -> tuple[str, ...]:
    """Ids to hold out, drawn at random.

    Args:
        ids: All ids, in any order.
        size: How many (int), or which fraction (float between 0 and 1).
        seed: Root seed.

    Returns:
        The held-out ids, in canonical order.
    """
    ordered = canonical(ids)
    picked = stream(seed, 0, "split").permutation(len(ordered))[: _count(size, len(ordered))]
    return tuple(ordered[row] for row in sorted(picked))


def stratified_split(targets: Mapping[str, str], size: int | float, seed: int = 0) -> tuple[str, ...]:
    """Ids to hold out so that every class keeps its share.

    Shares are rounded by largest remainder, so the size is met exactly.

    Args:
        targets: Class of every id.
        size: How many (int), or which fraction (float between 0 and 1).
        seed: Root seed.

    Returns:
        The held-out ids, in canonical order.
    """
    ordered = canonical(targets)
    groups: dict[str, list[str]] = defaultdict(list)
    for item_id in ordered:
        groups[targets[item_id]].append(item_id)
    count = _count(size, len(ordered))
    rng = stream(seed, 0, "split")
    held: set[str] = set()
    for name, take in _shares({name: len(groups[name]) for name in sorted(groups)}, count).items():
        held.update(groups[name][row] for row in rng.permutation(len(groups[name]))[:take])
    return tuple(item_id for item_id in ordered if item_id in held)


def _shares(sizes: Mapping[str, int], count: int) -> dict[str, int]:
    total = sum(sizes.values())
    shares = {name: count * size // total for name, size in sizes.items()}
    by_remainder = sorted(sizes, key=lambda name: (-(count * sizes[name] % total), name))
    for name in by_remainder[: count - sum(shares.values())]:
        shares[name] += 1
    return shares


def _count(size: int | float, n: int) -> int:
    count = round(size * n) if isinstance(size, float) else size
    if not 0 <= count <= n or (isinstance(size, float) and not 0 <= size <= 1):
        raise UsageError("a split cannot be that large", got=size, wanted=f"a fraction in [0, 1] or a number up to {n}")
    return count
