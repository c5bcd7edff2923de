"""Nearness to the boundary, and the filter in front of it."""

from __future__ import annotations

import numpy as np
import pytest

from querist.acquire.boundary import BoundaryNearness, Filtered, IterativeNearness
from querist.acquire.compose import Compose
from querist.acquire.scores import Entropy, Margin
from querist.core import catalogue
from querist.core.errors import StatisticError, UsageError
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless

FAR = float(np.finfo(np.float32).max)


@pytest.mark.parametrize(("name", "statistic"), [("dfal", "boundary_distance"), ("bim", "iterative_distance")])
def test_the_nearest_of_what_the_margin_leaves(name: str, statistic: str) -> None:
    view = FakeView.random(n=200)
    chosen = catalogue.acquisition(name).select(view, 4, stream(0, 1, "select"))
    left = np.sort(np.argsort(-Margin()(view), kind="stable")[:40])
    distances = view.stat(statistic)[left]
    assert list(chosen.ids) == [view.candidates[row] for row in left[np.argsort(distances, kind="stable")[:4]]]
    np.testing.assert_allclose(chosen.scores, -np.sort(distances)[:4], rtol=1e-6)


def test_what_never_flips_comes_last() -> None:
    view = FakeView.random()
    distances = view.stat("boundary_distance").copy()
    distances[[0, 7]] = FAR
    chosen = catalogue.acquisition("dfal").select(view.filled("boundary_distance", distances), 40, stream(0, 1, "select"))
    assert chosen.ids[-2:] == (view.candidates[0], view.candidates[7]) and chosen.scores[-1] == -FAR


def test_a_width_of_zero_looks_at_all_and_needs_no_probabilities() -> None:
    bare = Filtered(Compose(score=IterativeNearness()), width=0)
    view = FakeView.random(n=300)
    assert bare.needs == {"iterative_distance"} and Filtered().needs == {"boundary_distance", "probs"}
    assert bare.select(view, 3, stream(0, 1, "select")).ids == Compose(score=IterativeNearness()).select(view, 3, stream(0, 1, "select")).ids


def test_any_method_behind_any_filter() -> None:
    view = FakeView.random(n=300)
    both = Filtered(catalogue.acquisition("badge"), Entropy(), 2).select(view, 5, stream(0, 1, "select"))
    assert set(both.ids) <= set(Compose(score=Entropy()).select(view, 10, stream(0, 1, "select")).ids)


def test_refusals() -> None:
    view = FakeView.random()
    with pytest.raises(UsageError, match="keeps some candidates"):
        Filtered(width=-1).select(view, 3, stream(0, 1, "select"))
    broken = view.stat("boundary_distance").copy()
    broken[2] = np.nan
    with pytest.raises(StatisticError, match=view.candidates[2]):
        BoundaryNearness()(view.filled("boundary_distance", broken))
