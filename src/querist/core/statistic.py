"""What every view does with a statistic: an array with one row per item, or a pair of such arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from querist.core.contracts import PoolView
from querist.core.errors import CapabilityError
from querist.core.sites import one_each


class Over:
    """A view over another one: what a subclass does not replace is the other's."""

    def __init__(self, view: PoolView) -> None:
        self._view = view
        self.candidates: Sequence[str] = view.candidates
        self.labelled: Sequence[str] = view.labelled
        self.pending: Sequence[str] = view.pending
        self.labels: Sequence[int] = view.labels
        self.classes: int = view.classes
        self.round: int = view.round
        self.aggregator: Any = getattr(view, "aggregator", None)
        self.memory = memory_of(view)

    def fold(self, name: str, fn: Any, of: str = "candidates", places: np.ndarray | None = None) -> np.ndarray:
        """See `SitesView.fold`; of the rows at some places only."""
        return fold_of(self._view, name, fn, of, places)


def memory_of(view: Any) -> Mapping[str, Any] | None:
    """What the method's last selection left for this one (`Selection.memory`); None in a first round, or where nobody kept it."""
    return getattr(view, "memory", None)


def at_hand(names: Iterable[str]) -> frozenset[str]:
    """These statistics and what follows from them."""
    given = frozenset(names)
    return given | ({"gradients"} if {"probs", "features"} <= given else frozenset()) | ({"sites"} if "probs" in given else frozenset())


def rows_of(value: Any, places: np.ndarray) -> Any:
    """The rows at these places, of the array or of both arrays of a pair; plain arrays, also of a memmap."""
    return tuple(np.asarray(part[places]) for part in value) if isinstance(value, tuple) else np.asarray(value[places])


def fold_of(view: Any, name: str, fn: Any, of: str = "candidates", places: np.ndarray | None = None) -> np.ndarray:
    """`SitesView.fold`; the items of a view without it are their own only sites.

    Raises:
        CapabilityError: if there is no such statistic.
    """
    fold = getattr(view, "fold", None)
    if fold is not None:
        return np.asarray(fold(name, fn, of, places))
    if name != "sites":
        raise CapabilityError(f"no statistic {name!r} here", got="items without sites", wanted="a task with sites: slots, tokens, pixels, boxes")
    probs = view.stat("probs", of)
    return np.asarray(fn(one_each(np.asarray(probs) if places is None else rows_of(probs, places))))


def part_of(view: Any, name: str, places: np.ndarray, of: str = "candidates") -> Any:
    """Some rows of a view's statistic.

    A view that computes statistics on demand offers `part(name, places, of)` and computes those rows only; of any other
    view the rows are taken from the whole.
    """
    part = getattr(view, "part", None)
    return rows_of(view.stat(name, of), places) if part is None else part(name, places, of)
