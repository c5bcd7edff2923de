"""Bayesian sample queries on given codes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.sample_queries import SampleQueries
from querist.acquire.scores import Estimated
from querist.core import catalogue
from querist.core.errors import StatisticError
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless

INNER = Compose(score=Estimated("loss_estimate"))


def rng() -> np.random.Generator:
    return stream(0, 1, "select")


def view(codes: np.ndarray, labelled: np.ndarray, scores: np.ndarray) -> FakeView:
    made = FakeView.random(n=len(codes), labelled=len(labelled), pending=0).filled("codes", codes).filled("loss_estimate", scores)
    return replace(made, stats={**made.stats, "labelled": {**made.stats["labelled"], "codes": labelled}})


def test_typical_of_the_pool_and_not_of_what_is_labelled() -> None:
    # The pool has two heaps, at -2 and 2, and few far away; only the first heap is labelled.
    codes = np.concatenate([np.full(20, -2.0), np.full(20, 2.0), [30.0]])[:, None] + stream(1, 0, "oracle").normal(size=(41, 1)) * 0.1
    found = view(codes, np.full((6, 1), -2.0) + np.linspace(-1, 1, 6)[:, None], np.zeros(41))
    chosen = SampleQueries(INNER, wide=41).select(found, 8, rng())
    rows = [list(found.candidates).index(item) for item in chosen.ids]
    assert all(20 <= row < 40 for row in rows) and list(chosen.scores) == sorted(chosen.scores, reverse=True)
    assert "log ratio" in chosen.note[0]


def test_only_what_the_method_wants_is_looked_at() -> None:
    codes = np.concatenate([np.full(10, 0.0), np.full(10, 5.0)])[:, None] + np.linspace(0, 0.1, 20)[:, None]
    found = view(codes, np.linspace(-1, 1, 5)[:, None], np.arange(20, 0, -1.0))
    chosen = SampleQueries(INNER, wide=2).select(found, 3, rng())
    assert set(chosen.ids) <= {found.candidates[row] for row in range(6)}


def test_with_nothing_labelled_the_most_typical() -> None:
    found = view(np.array([[0.0], [1.0], [-1.0], [8.0], [-8.0]]), np.empty((0, 1)), np.zeros(5))
    bare = replace(found, labelled=[], labels=[])
    assert SampleQueries(INNER, wide=5).select(bare, 2, rng()).ids[0] == found.candidates[0]
    far = SampleQueries(INNER, wide=5).select(bare, 5, rng()).ids
    assert set(far[3:]) == {found.candidates[3], found.candidates[4]}


def test_a_code_that_is_no_number_names_its_item() -> None:
    codes = np.zeros((5, 2))
    codes[3] = np.nan
    found = view(codes, np.zeros((2, 2)), np.zeros(5))
    with pytest.raises(StatisticError, match=str(found.candidates[3])):
        catalogue.acquisition("bsq").select(found.filled("codes", codes), 2, rng())
