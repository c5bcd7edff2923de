"""Every strategy and every wrapper of the catalogue keeps the acquisition contract."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from querist.core import catalogue
from querist.core.rng import stream
from querist.testing import AcquisitionContract, BoxView, FakeView


def strategies(trait: str | None = None, *, having: bool = True) -> list[Any]:
    """Names of the strategies and wrappers that have (or lack) a trait, each skipped where a package that it imports is not installed."""
    return [
        pytest.param(str(row["name"]), marks=[pytest.mark.skipif(find_spec(package) is None, reason=f"needs {package}") for package in row.get("packages", ())])
        for row in [*catalogue.rows("strategy"), *catalogue.rows("wrapper")]
        if "acquisition" in row  # a wrapper may be one of statistics
        if trait is None or (trait in row.get("traits", ())) == having
    ]


@pytest.mark.torchless
@pytest.mark.parametrize("name", strategies())
class TestCatalogue(AcquisitionContract):
    @pytest.fixture
    def acquisition(self, name: str) -> Any:
        return catalogue.acquisition(name)

    @pytest.fixture
    def view(self, acquisition: Any) -> FakeView:
        return views(acquisition).random()


def views(acquisition: Any) -> type[FakeView]:
    """What an acquisition is shown: boxes, if it asks for more of sites than scores of their classes."""
    return BoxView if "sites" in acquisition.needs else FakeView


@pytest.mark.torchless
@pytest.mark.parametrize("name", strategies("greedy"))
def test_greedy_methods_have_the_prefix_property(name: str) -> None:
    acquisition = catalogue.acquisition(name)
    view = views(acquisition).random(n=400)
    assert acquisition.select(view, 12, stream(0, 1, "select")).ids[:5] == acquisition.select(view, 5, stream(0, 1, "select")).ids


@pytest.mark.torchless
@pytest.mark.parametrize("name", strategies("stochastic", having=False))
def test_only_declared_methods_depend_on_the_seed(name: str) -> None:
    acquisition = catalogue.acquisition(name)
    view = views(acquisition).random(n=100)
    assert acquisition.select(view, 12, stream(0, 1, "select")) == acquisition.select(view, 12, stream(1, 1, "select"))


@pytest.mark.torchless
@pytest.mark.parametrize("name", strategies("diverse"))
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
