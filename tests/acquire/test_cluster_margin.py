"""Cluster-Margin: its limits, its turns, and the random member."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from querist.acquire.cluster_margin import ClusterMargin
from querist.core import catalogue
from querist.core.rng import stream
from querist.testing import FakeView

pytest.importorskip("scipy")
pytestmark = pytest.mark.torchless


def test_one_cluster_is_margin_and_small_clusters_come_first() -> None:
    view = FakeView.random(n=150)
    chosen = ClusterMargin(shortlist=1.0, clusters=1).select(view, 12, stream(0, 1, "select"))
    ordered = np.sort(view.stat("probs").mean(axis=1, dtype=np.float64), axis=1)
    wanted = np.argsort(ordered[:, -1] - ordered[:, -2], kind="stable")[:12]
    assert set(chosen.ids) == {view.candidates[row] for row in wanted}
    assert set(chosen.ids) == set(catalogue.acquisition("margin").select(view, 12, stream(0, 1, "select")).ids)
    # With ten tight clusters of equal margins, the smallest are asked first, one each.
    own = np.repeat(np.arange(1, 11), np.arange(1, 11))
    spread = ClusterMargin(clusters=10).select(grouped(), 12, stream(0, 1, "select"))
    assert [own[int(item)] for item in spread.ids] == [*range(1, 11), 2, 3]


@pytest.mark.parametrize("clusters", [1, 50])
def test_one_cluster_or_one_each_is_a_random_part_of_the_shortlist(clusters: int) -> None:
    chisquare = pytest.importorskip("scipy.stats").chisquare

    view, rng = FakeView.random(n=50), stream(0, 1, "select")
    listed = catalogue.acquisition("margin").select(view, 9, stream(0, 1, "select")).ids
    method = ClusterMargin(shortlist=3.0, clusters=clusters)
    counts = Counter(item for _ in range(150) for item in method.select(view, 3, rng).ids)
    assert set(counts) <= set(listed)
    assert chisquare([counts[item] for item in listed]).pvalue > 1e-4


def grouped() -> FakeView:
    """Ten tight clusters of 1, 2, …, 10 candidates; all margins alike."""
    rng = stream(5, 0, "oracle")
    centres = 100 * rng.normal(size=(10, 3))
    features = np.concatenate([centre + 0.01 * rng.normal(size=(size, 3)) for size, centre in enumerate(centres, start=1)]).astype(np.float32)
    rows = {"candidates": np.arange(55), "labelled": np.arange(0), "pending": np.arange(0)}
    return FakeView.of([str(i) for i in range(55)], rows, features, np.full((55, 1, 2), 0.5, dtype=np.float32), [])


def test_a_cut_by_distance_finds_the_same_clusters() -> None:
    own = np.repeat(np.arange(1, 11), np.arange(1, 11))
    by_distance = ClusterMargin(distance=1.0).select(grouped(), 10, stream(0, 1, "select"))
    assert [own[int(item)] for item in by_distance.ids] == [*range(1, 11)]


def test_only_the_shortlist_counts() -> None:
    view = FakeView.random(n=200)
    chosen = ClusterMargin(shortlist=2.5).select(view, 8, stream(0, 1, "select"))
    assert set(chosen.ids) <= set(catalogue.acquisition("margin").select(view, 20, stream(0, 1, "select")).ids)


def test_large_pools_take_the_substitute() -> None:
    view = FakeView.random(n=300)
    chosen = ClusterMargin(exact=60, clusters=5).select(view, 12, stream(0, 1, "select"))
    assert len(set(chosen.ids)) == 12
    assert chosen == ClusterMargin(exact=60, clusters=5).select(view, 12, stream(0, 1, "select"))
