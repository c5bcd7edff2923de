"""Diverse mini-batches: the filter, the clusters, one nearest candidate each."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.embeddings import Features
from querist.acquire.minibatch import WeightedKMeans
from querist.acquire.scores import Margin
from querist.core import catalogue
from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless
MARGIN = Compose(score=Margin())


def blobs(count: int) -> FakeView:
    """Twenty candidates in each of two or three far blobs."""
    rng, n = stream(0, 0, "oracle"), 20 * count
    features = (np.repeat([[0.0, 0.0], [30.0, 0.0], [0.0, 50.0]][:count], 20, axis=0) + rng.normal(size=(n, 2))).astype(np.float32)
    probs = rng.dirichlet(np.ones(3), size=(n, 1)).astype(np.float32)
    rows = {"candidates": np.arange(n), "labelled": np.arange(0), "pending": np.arange(0)}
    return FakeView.of([str(i) for i in range(n)], rows, features, probs, [])


def test_beta_one_is_margin_and_far_blobs_give_one_each() -> None:
    method, view = catalogue.acquisition("diverse_minibatch"), FakeView.random(n=200)
    one = dataclasses.replace(method, prefilter=1).select(view, 12, stream(0, 1, "select"))
    ordered = np.sort(view.stat("probs").mean(axis=1, dtype=np.float64), axis=1)
    gap = ordered[:, -1] - ordered[:, -2]
    wanted = np.argsort(gap, kind="stable")[:12]
    assert one.ids == tuple(view.candidates[row] for row in wanted)
    assert one.scores == pytest.approx(1 - gap[wanted], abs=1e-6)
    # The best 10·k candidates in k blobs: from each the one nearest to the mean weighted by 1 - (p1 - p2).
    for count in (2, 3):
        far = blobs(count)
        x, ordered = far.stat("features").astype(float), np.sort(far.stat("probs").mean(axis=1, dtype=np.float64), axis=1)
        weights = 1 - (ordered[:, -1] - ordered[:, -2])
        best = np.argsort(-weights, kind="stable")[: 10 * count]
        sides = [best[best // 20 == blob] for blob in range(count)]
        means = [np.average(x[side], axis=0, weights=weights[side]) for side in sides]
        nearest = {str(side[np.argmin(((x[side] - mean) ** 2).sum(axis=1))]) for side, mean in zip(sides, means, strict=True)}
        for seed in range(5):
            assert set(method.select(far, count, stream(seed, 1, "select")).ids) == nearest


def test_picks_stay_within_the_filter_and_come_most_informative_first() -> None:
    view = FakeView.random(n=300)
    chosen = catalogue.acquisition("diverse_minibatch").select(view, 6, stream(0, 1, "select"))
    assert set(chosen.ids) <= set(MARGIN.select(view, 60, stream(0, 1, "select")).ids)
    assert list(chosen.scores) == sorted(chosen.scores, reverse=True)
    assert all("nearest to the centre of" in why for why in chosen.note)


def test_each_pick_is_the_candidate_nearest_to_a_weighted_mean() -> None:
    x = np.array([[0.0], [1.0], [2.0], [50.0], [51.0], [52.0]], dtype=np.float32)
    rows = {"candidates": np.arange(6), "labelled": np.arange(0), "pending": np.arange(0)}
    view = FakeView.of(list("abcdef"), rows, x, np.full((6, 1, 2), 0.5, dtype=np.float32), [])
    # Weighted means: 0.19 and 51.9, so a and f; with equal weights b and e.
    weights = np.array([9.0, 1.0, 0.5, 0.1, 1.0, 19.0])
    for scores, wanted in ((weights, {0, 5}), (np.ones(6), {1, 4}), (np.zeros(6), {1, 4}), (-np.ones(6), {1, 4})):
        assert set(WeightedKMeans().choose(view, scores, Features(), 2, stream(0, 1, "select")).rows.tolist()) == wanted


def test_a_missing_part_is_named() -> None:
    with pytest.raises(UsageError, match="score and an embedding"):
        Compose(embed=Features(), selector=WeightedKMeans()).select(FakeView.random(), 3, stream(0, 1, "select"))
