"""What every view does with a statistic: an array with one row per item, or a pair of such arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from querist.core.contracts import PoolView


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


def at_hand(names: Iterable[str]) -> frozenset[str]:
    """These statistics and what follows from them."""
    given = frozenset(names)
    return given | ({"gradients"} if {"probs", "features"} <= given else frozenset())


def rows_of(value: Any, places: np.ndarray) -> Any:
    """The rows at these places, of the array or of both arrays of a pair; plain arrays, also of a memmap."""
    return tuple(np.asarray(part[places]) for part in value) if isinstance(value, tuple) else np.asarray(value[places])


def part_of(view: Any, name: str, places: np.ndarray, of: str = "candidates") -> Any:
    """Some rows of a view's statistic.

    A view that computes statistics on demand offers `part(name, places, of)` and computes those rows only; of any other
    view the rows are taken from the whole.
    """
    part = getattr(view, "part", None)
    return rows_of(view.stat(name, of), places) if part is None else part(name, places, of)
