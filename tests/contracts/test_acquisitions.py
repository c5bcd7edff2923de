"""Every strategy of the catalogue keeps the acquisition contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from querist.core import catalogue
from querist.core.rng import stream
from querist.testing import AcquisitionContract, FakeView

STRATEGIES = [str(row["name"]) for row in catalogue.rows("strategy")]


@pytest.mark.torchless
@pytest.mark.parametrize("name", STRATEGIES)
class TestCatalogue(AcquisitionContract):
    @pytest.fixture
    def acquisition(self, name: str) -> Any:
        return catalogue.acquisition(name)


@pytest.mark.torchless
@pytest.mark.parametrize("name", [name for name in STRATEGIES if name not in ("random", "badge", "auto")])
def test_prefix_property_of_greedy_methods(name: str) -> None:
    view = FakeView.random()
    acquisition = catalogue.acquisition(name)
    assert acquisition.select(view, 12, stream(0, 1, "select")).ids[:5] == acquisition.select(view, 5, stream(0, 1, "select")).ids


@pytest.mark.torchless
def test_prefix_property_holds_for_a_sampled_method_on_one_stream() -> None:
    view = FakeView.random(n=400)
    badge = catalogue.acquisition("badge")  # `auto` has it within a branch only: the branch depends on the size of the batch
    assert badge.select(view, 12, stream(0, 1, "select")).ids[:5] == badge.select(view, 5, stream(0, 1, "select")).ids


@pytest.mark.torchless
@pytest.mark.parametrize("name", ["coreset", "badge"])
def test_diverse_methods_visit_every_tight_cluster(name: str) -> None:
    rng = stream(3, 0, "oracle")
    centres = 50 * rng.normal(size=(6, 5))
    features = (np.repeat(centres, 10, axis=0) + rng.normal(size=(60, 5)) * 0.01).astype(np.float32)
    # Uncertain everywhere, so that BADGE's residuals are of one size and the features decide.
    probs = np.full((60, 1, 3), 1 / 3, dtype=np.float32)
    rows = {"candidates": np.arange(60), "labelled": np.arange(0), "pending": np.arange(0)}
    view = FakeView.of([f"{i}" for i in range(60)], rows, features, probs, [])
    chosen = catalogue.acquisition(name).select(view, 6, stream(0, 1, "select"))
    assert len({int(item) // 10 for item in chosen.ids}) >= 5
