"""The order in which a method wants the candidates: what wrappers work on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from querist.acquire.compose import Compose
from querist.acquire.embeddings import Features
from querist.acquire.scores import Margin
from querist.acquire.selectors import KCenter
from querist.core.contracts import Acquisition, PoolView
from querist.core.errors import UsageError
from querist.kernels.ranking import top_k

MARGIN = Compose(score=Margin())
"""What a wrapper wraps unless it is told."""

CORESET = Compose(embed=Features(), selector=KCenter())
"""The second method of a wrapper of two."""


class Ranked(NamedTuple):
    """Candidates in a method's order: rows (m,), its scores of them (m,), and its notes (m,) where it gave any."""

    rows: np.ndarray
    values: np.ndarray
    why: Sequence[str]

    @property
    def gains(self) -> np.ndarray:
        """Scores (m,) that never rise along the order. Where picks depend on each other a later one may have scored higher; it is held to the one before."""
        return np.asarray(np.minimum.accumulate(self.values)) if len(self.values) else self.values

    def reason(self, place: int) -> str:
        """The method's own note on the candidate at this place, else its score."""
        return self.why[place] if len(self.why) else f"score {self.values[place]:.4g}"


def ranked(inner: Acquisition, view: PoolView, m: int, rng: np.random.Generator) -> Ranked:
    """What a method would pick, in order.

    Args:
        inner: The method.
        view: The round.
        m: How many of its picks, where picks depend on each other; where scores alone decide, all candidates are ranked.
        rng: The method's draws.
    """
    scored = getattr(inner, "scored", None)
    values = None if scored is None else scored(view)
    if values is not None:
        rows = top_k(values, len(values))
        return Ranked(rows, values[rows], ())
    chosen = inner.select(view, min(m, len(view.candidates)), rng)
    return Ranked(rows_of_ids(view.candidates, chosen.ids), np.asarray(chosen.scores, dtype=np.float64), chosen.note)


def rows_of_ids(candidates: Sequence[str], ids: Sequence[str]) -> np.ndarray:
    """Rows of these candidates, in the order of `ids`."""
    place = {item: number for number, item in enumerate(ids)}
    out = np.empty(len(place), dtype=np.int64)
    for row, item in enumerate(candidates):
        if item in place:
            out[place[item]] = row
    return out


def needs(*inner: Acquisition) -> frozenset[str]:
    """Union of what several methods need."""
    return frozenset().union(*(one.needs for one in inner))


def whole(value: int, name: str) -> int:
    """A parameter that counts items, checked when it is used: constructors only store.

    Raises:
        UsageError: if it is below 1.
    """
    if value < 1:
        raise UsageError(f"{name} is a number of items", got=value, wanted="a whole number ≥ 1")
    return int(value)
