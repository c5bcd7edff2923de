"""The published rule of `auto`: which branch, and that it says so."""

from __future__ import annotations

import dataclasses

import pytest

from querist.acquire.auto import BADGE, COVER, MARGIN, Auto
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


@pytest.mark.parametrize(
    ("labels", "k", "wanted", "reason"),
    [
        ([], 1, COVER, "3 of 3 classes not seen"),
        ([0, 0, 1, 1, 0, 1], 1, COVER, "1 of 3 classes not seen"),
        ([0, 1, 2], 1, COVER, "1.0 labels per class"),
        ([0, 1, 2, 0, 1, 2], 1, MARGIN, "0.25%"),
        ([0, 1, 2, 0, 1, 2], 9, BADGE, "2.2%"),
    ],
)
def test_branches(labels: list[int], k: int, wanted: object, reason: str) -> None:
    view = dataclasses.replace(FakeView.random(n=400), labels=labels)
    name, acquisition, why = Auto().branch(view, k)
    assert acquisition == wanted and reason in why
    chosen = Auto().select(view, k, stream(0, 1, "select"))
    assert all(note.startswith(f"auto → {name} (") for note in chosen.note)
    assert chosen.ids == acquisition.select(view, k, stream(0, 1, "select")).ids
