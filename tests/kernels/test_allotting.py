"""Quotas, prices and the nearest of many, against twins of a few lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import geometry, nearest, ranking
from querist.kernels.allotting import affordable, level

pytestmark = pytest.mark.torchless

SEEDS = st.integers(0, 10**6)


@given(SEEDS)
def test_level_equals_the_naive_twin(seed: int) -> None:
    draw = stream(seed, 0, "oracle")
    groups, counts, k = draw.integers(0, 4, size=15), draw.integers(0, 6, size=4).astype(float), int(draw.integers(0, 20))
    have, left, picks = counts.copy(), list(range(15)), []
    while left and len(picks) < k:
        lowest = min(have[groups[place]] for place in left)
        pick = next(place for place in left if have[groups[place]] == lowest)
        picks.append(pick)
        left.remove(pick)
        have[groups[pick]] += 1
    assert level(groups, counts, k).tolist() == picks


@given(SEEDS)
def test_nobody_affordable_is_left_out_while_places_and_money_last(seed: int) -> None:
    draw = stream(seed, 0, "oracle")
    gains, costs = draw.random(12), draw.uniform(0.1, 2, size=12)
    budget, k = float(draw.uniform(0, 8)), int(draw.integers(0, 14))
    places = affordable(gains, costs, k, budget).tolist()
    assert len(set(places)) == len(places) <= k and costs[places].sum() <= budget
    if len(places) > 1 and len(places) < k:
        assert all(costs[place] > budget - costs[places].sum() for place in range(12) if place not in places)
    ratios = gains[places] / costs[places]
    assert (np.diff(ratios) <= 0).all()


@pytest.mark.parametrize("rows", [1, 3, 4096])
def test_the_nearest_equals_the_naive_twin(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "ROWS", rows)
    draw = stream(1, 0, "oracle")
    points, centres = draw.normal(size=(11, 4)).astype(np.float32), draw.normal(size=(17, 4)).astype(np.float32)
    centres[9] = centres[2] = points[5]
    row, squared = nearest.nearest(points, centres)
    gaps = ((points[:, None].astype(float) - centres[None]) ** 2).sum(axis=2)
    assert row.tolist() == gaps.argmin(axis=1).tolist() and row[5] == 2 and squared[5] == 0
    np.testing.assert_allclose(squared, gaps.min(axis=1), rtol=1e-12)
    np.testing.assert_allclose(squared, geometry.nearest_squared(points, centres), rtol=1e-6, atol=1e-9)


@given(SEEDS)
def test_the_best_k_are_those_of_a_stable_sort(seed: int) -> None:
    draw = stream(seed, 0, "oracle")
    n, k = int(draw.integers(1, 200)), int(draw.integers(0, 210))
    scores = draw.integers(0, draw.integers(1, 50) + 1, size=n).astype(np.float64 if seed % 2 else np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "SPARSE", 3)  # so that a small case guesses its threshold
        assert ranking.top_k(scores, k).tolist() == np.argsort(-scores, kind="stable")[:k].tolist()
