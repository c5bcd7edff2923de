"""jLP over a view."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.embeddings import Features
from querist.acquire.unreached import Unreached
from querist.core import catalogue
from querist.core.rng import stream
from querist.testing import FakeView

pytest.importorskip("scipy")


def view(pending: bool = False) -> FakeView:
    """Three directions; an item of the first is labelled, and one of the second is pending if so."""
    rng = stream(0, 0, "oracle")
    of = np.array([0, *([1] if pending else []), *(np.arange(36) % 3)])
    features = (5 * np.eye(3)[of] + 0.3 * rng.normal(size=(len(of), 3)) + 0.5).astype(np.float32)
    first = 1 + pending
    rows = {"candidates": np.arange(first, len(of)), "labelled": np.arange(1), "pending": np.arange(1, first)}
    return FakeView.of([str(i) for i in range(len(of))], rows, features, np.full((len(of), 1, 3), 1 / 3, dtype=np.float32), [0])


def direction(seen: FakeView, item: str) -> int:
    return (seen.candidates.index(item)) % 3


def test_it_goes_where_nothing_is_covered() -> None:
    method = Compose(embed=Features(), selector=Unreached(neighbours=6))
    bare, held = view(), view(pending=True)
    assert {direction(bare, item) for item in method.select(bare, 2, stream(0, 1, "select")).ids} == {1, 2}
    chosen = method.select(held, 1, stream(0, 1, "select"))
    assert direction(held, chosen.ids[0]) == 2, "what is pending counts as covered"
    assert chosen.scores[0] <= 0 and chosen.note[0].startswith("reached by")


def test_a_bounded_graph_holds_as_many_as_are_chosen() -> None:
    seen = view()
    for limit, k in ((5, 12), (10, 3)):
        method = Compose(embed=Features(), selector=Unreached(limit=limit))
        assert len(set(method.select(seen, k, stream(0, 1, "select")).ids)) == k
    assert catalogue.acquisition("jlp").selector == dataclasses.replace(Unreached())
