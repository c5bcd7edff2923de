"""ACS-FW and Hilbert coresets as strategies: distinct points, the fill, and what the reasons say."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.sparse import Coreset, FrankWolfe, Projected
from querist.core import catalogue
from querist.core.errors import StatisticError, UsageError
from querist.core.rng import stream
from querist.kernels import sparse
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def pick(acquisition: Any, view: FakeView, k: int) -> Any:
    return acquisition.select(view, k, stream(0, 1, "select"))


@pytest.mark.parametrize("name", ["acs_fw", "hilbert_coreset"])
def test_no_duplicate_before_all_distinct_points(name: str) -> None:
    view = FakeView.random(n=8, k=6).take(np.repeat(np.arange(8), 5))
    view.candidates = [f"{i}" for i in range(40)]
    chosen = pick(catalogue.acquisition(name), view, 8)
    assert {int(item) // 5 for item in chosen.ids} == set(range(8))


@pytest.mark.parametrize("name", ["acs_fw", "hilbert_coreset"])
def test_few_samples_are_approximated_by_few_items_and_the_fill_says_so(name: str) -> None:
    chosen = pick(catalogue.acquisition(name), FakeView.random(n=200, k=2), 30)
    filled = [why.startswith("fill") for why in chosen.note]
    assert len(set(chosen.ids)) == 30 and filled == sorted(filled) and filled[-1] and not filled[0]
    assert all(score == 0.0 for score, fill in zip(chosen.scores, filled, strict=True) if fill)


@pytest.mark.parametrize("name", ["acs_fw", "hilbert_coreset"])
def test_the_order_of_the_pool_does_not_matter(name: str) -> None:
    view = FakeView.random(n=60, k=12)
    order = stream(1, 0, "oracle").permutation(60)
    assert pick(catalogue.acquisition(name), view.take(order), 6).ids == pick(catalogue.acquisition(name), view, 6).ids


def test_more_steps_than_picks_and_a_smaller_error() -> None:
    view = FakeView.random(n=150, k=15)
    v = sparse.projections(view.stat("probs"), entropy=1.0)
    found = sparse.frank_wolfe(lambda row: v @ v[row], v @ v.sum(axis=0), np.linalg.norm(v, axis=1), 8, floor=0.1)
    assert len(found.rows) == 8 <= len(found.errors) - 1 <= 32
    chosen = pick(catalogue.acquisition("acs_fw"), view, 8)
    assert list(chosen.ids) == [view.candidates[row] for row in found.rows]


@pytest.mark.parametrize("solver", ["giga", "fw", "omp"])
def test_solvers_of_a_coreset(solver: str) -> None:
    if solver == "omp":
        pytest.importorskip("scipy.optimize")
    acquisition = Compose(embed=Projected(centred=True), selector=Coreset(solver))
    assert len(set(pick(acquisition, FakeView.random(k=10), 7).ids)) == 7


def test_the_ambiguous_item_matters_less_than_the_disputed_one_once_centred() -> None:
    probs = np.array([[[0.34, 0.33, 0.33]] * 2, [[0.9, 0.05, 0.05], [0.3, 0.6, 0.1]], [[0.98, 0.01, 0.01]] * 2], dtype=np.float32)
    view = FakeView.random(n=3).filled("probs", probs)
    assert pick(catalogue.acquisition("hilbert_coreset"), view, 1).ids == (view.candidates[1],)


@dataclasses.dataclass(frozen=True)
class Given(Projected):
    """Fixed vectors instead of projections; the tenth is tiny and has the very direction of the sum."""

    def coordinates(self, view: Any) -> np.ndarray:
        v = stream(1, 0, "oracle").normal(size=(40, 6)) + 0.5
        v[9] = 1e-4 * v.sum(axis=0)
        return np.asarray(v)


@pytest.mark.parametrize("selector", [FrankWolfe(), Coreset()])
def test_a_certain_item_does_not_win_by_its_direction(selector: Any) -> None:
    view = FakeView.random(n=40)
    assert view.candidates[9] not in pick(Compose(embed=Given(), selector=selector), view, 8).ids
    assert pick(Compose(embed=Given(), selector=dataclasses.replace(selector, floor=0.0)), view, 8).ids[0] == view.candidates[9]


def test_wrong_parameters() -> None:
    view = FakeView.random()
    for acquisition in (
        Compose(embed=Projected(), selector=Coreset("magic")),
        Compose(embed=Projected(entropy=1.5), selector=FrankWolfe()),
        Compose(selector=FrankWolfe()),
        Compose(selector=Coreset()),
    ):
        with pytest.raises(UsageError):
            pick(acquisition, view, 3)
    broken = np.array(view.stat("probs"))
    broken[5, 0, 0] = np.nan
    with pytest.raises(StatisticError, match=view.candidates[5]):
        pick(catalogue.acquisition("acs_fw"), view.filled("probs", broken), 3)
