"""FF-Active: random rounds, then core-set."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from querist.acquire.farthest_first import FFActive
from querist.core import catalogue
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def test_random_first_then_core_set() -> None:
    view = FakeView.random(n=100)
    coreset, random = (catalogue.acquisition(name) for name in ("coreset", "random"))
    for warmup in (0, 1, 3):
        for round_ in (1, 2, 3, 4):
            now = dataclasses.replace(view, round=round_)
            wanted = random if round_ <= warmup else coreset
            assert FFActive(warmup).select(now, 9, stream(0, 1, "select")).ids == wanted.select(now, 9, stream(0, 1, "select")).ids
    assert catalogue.acquisition("ff_active") == FFActive(1)
    # And core-set is what it says: every pick is farthest from all that is labelled, pending or picked.
    x = view.stat("features").astype(float)
    known = [*view.stat("features", "labelled").astype(float), *view.stat("features", "pending").astype(float)]
    for item in FFActive(0).select(view, 9, stream(0, 1, "select")).ids:
        row = int(np.argmax(np.min([((x - point) ** 2).sum(axis=1) for point in known], axis=0)))
        assert item == view.candidates[row]
        known.append(x[row])


def test_random_rounds_say_so() -> None:
    assert FFActive(2).select(FakeView.random(), 3, stream(0, 1, "select")).note == ("round 1 of 2 random ones",) * 3
