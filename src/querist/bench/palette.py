"""Colours and markers of methods: safe for colour-blind readers (Okabe and Ito), the baseline grey, distinct in print by marker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from querist.bench.spec import BASELINE

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B")
_MARKERS = "osD^vPX"


@dataclass(frozen=True, slots=True)
class Look:
    """How a method is drawn."""

    colour: str
    marker: str


def looks(methods: Iterable[str]) -> Mapping[str, Look]:
    """One look a method; after seven colours the markers shift, so that pairs stay distinct up to 49 methods."""
    others = [method for method in methods if method != BASELINE]
    count = len(_COLOURS)
    drawn = {method: Look(_COLOURS[i % count], _MARKERS[(i + i // count) % count]) for i, method in enumerate(others)}
    return {BASELINE: Look("#4D4D4D", "."), **drawn}
