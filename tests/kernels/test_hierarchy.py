"""Average linkage: exact on small sets, a stated substitute on large ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels import hierarchy
from querist.kernels.hierarchy import average_linkage

pytest.importorskip("scipy")
pytestmark = pytest.mark.torchless


def naive(x: np.ndarray, clusters: int) -> list[set[int]]:
    groups = [{i} for i in range(len(x))]
    while len(groups) > clusters:
        a, b = min(itertools.combinations(groups, 2), key=lambda pair: np.mean([np.linalg.norm(x[i] - x[j]) for i in pair[0] for j in pair[1]]))
        groups = [group for group in groups if group not in (a, b)] + [a | b]
    return groups


def parts(labels: np.ndarray) -> list[set[int]]:
    return [set(np.flatnonzero(labels == name).tolist()) for name in np.unique(labels)]


@pytest.mark.parametrize("clusters", [1, 3, 7, 14])
def test_equals_the_naive_twin(clusters: int) -> None:
    x = stream(clusters, 0, "oracle").normal(size=(14, 2))
    found = parts(average_linkage(x, clusters, stream(0, 1, "select")))
    assert sorted(map(sorted, found)) == sorted(map(sorted, naive(x, clusters)))


def test_a_cut_by_distance() -> None:
    x = np.array([[0.0], [1.0], [10.0], [11.0], [12.0]])
    assert parts(average_linkage(x, 1, stream(0, 1, "select"), distance=4.0)) == [{0, 1}, {2, 3, 4}]


def test_large_sets_find_tight_clusters_too(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = stream(4, 0, "oracle")
    monkeypatch.setattr(hierarchy, "SMALL", 12)
    monkeypatch.setattr(hierarchy, "SAMPLE", 300)
    centres = 50 * rng.normal(size=(5, 3))
    x = (np.repeat(centres, 80, axis=0) + rng.normal(size=(400, 3)) * 0.01).astype(np.float32)
    labels = average_linkage(x, 5, stream(0, 1, "select"), exact=60)
    assert sorted(map(sorted, parts(labels))) == [list(range(first, first + 80)) for first in range(0, 400, 80)]


def test_one_row_is_one_cluster() -> None:
    assert average_linkage(np.ones((1, 3)), 5, stream(0, 1, "select")).tolist() == [0]
