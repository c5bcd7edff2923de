"""The items that a method need not ask for: labelled ones, and pending ones whose labels are on their way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from querist.acquire.checks import finite
from querist.core.contracts import PoolView


def settled(view: PoolView) -> list[tuple[str, Sequence[str]]]:
    """`labelled`, then `pending`: name and ids of those that hold items."""
    return [(of, ids) for of, ids in (("labelled", view.labelled), ("pending", view.pending)) if len(ids)]


def settled_rows(view: PoolView, name: str) -> list[np.ndarray]:
    """A statistic of each of these groups, checked."""
    return [finite(np.asarray(view.stat(name, of)), ids, name) for of, ids in settled(view)]
