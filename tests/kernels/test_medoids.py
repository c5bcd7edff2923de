"""k-means medoids: a local optimum, distinct rows, nearest to their centres."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import medoids as module
from querist.kernels import weighted_kmeans
from querist.kernels.clustering import kmeans_pp
from querist.kernels.medoids import medoids

pytestmark = pytest.mark.torchless


def clouds(m: int = 6, each: int = 10) -> np.ndarray:
    rng = stream(0, 0, "oracle")
    return (np.repeat(20 * rng.normal(size=(m, 3)), each, axis=0) + rng.normal(size=(m * each, 3))).astype(np.float32)


def test_one_row_a_cloud_and_it_is_the_nearest_to_the_mean() -> None:
    x = clouds()
    found = medoids(x, 6, stream(0, 1, "select"))
    assert sorted(row // 10 for row in found.rows.tolist()) == list(range(6)) and (found.sizes == 10).all()
    for row, distance in zip(found.rows, found.distances, strict=True):
        cloud = x[row // 10 * 10 : row // 10 * 10 + 10].astype(np.float64)
        gaps = np.linalg.norm(cloud - cloud.mean(axis=0), axis=1)
        assert row % 10 == gaps.argmin() and distance == pytest.approx(gaps.min())


@given(st.integers(1, 30), st.integers(0, 35), st.integers(1, 4), st.integers(0, 1000))
def test_min_k_n_distinct_rows_of_any_points(n: int, k: int, distinct: int, seed: int) -> None:
    rng = stream(seed, 0, "oracle")
    x = rng.normal(size=(distinct, 2))[rng.integers(distinct, size=n)]
    found = medoids(x, k, rng)
    assert len(set(found.rows.tolist())) == len(found.rows) == min(k, n)
    assert (np.diff(found.sizes) <= 0).all() and found.sizes.sum() == (n if k else 0)


@pytest.mark.parametrize("seed", range(6))
def test_it_is_naive_lloyd_from_the_same_seeds(seed: int) -> None:
    x = stream(seed, 0, "oracle").normal(size=(80, 2))
    norms = ((x - x.mean(axis=0)) ** 2).sum(axis=1)
    centres = x[kmeans_pp(lambda row: ((x - x[row]) ** 2).sum(axis=1), norms, 5, stream(seed, 1, "select"))[0]]
    for _ in range(200):
        owner = ((x[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        centres = np.stack([x[owner == cluster].mean(axis=0) for cluster in range(5)])
    wanted = [int(np.where(owner == cluster, ((x - centres[cluster]) ** 2).sum(axis=1), np.inf).argmin()) for cluster in range(5)]
    found = medoids(x, 5, stream(seed, 1, "select"), rounds=200)
    assert set(found.rows.tolist()) == set(wanted)
    assert found.sizes.tolist() == sorted(np.bincount(owner).tolist(), reverse=True)


def test_rows_in_blocks_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    x = clouds()
    whole = medoids(x, 9, stream(0, 1, "select"))
    monkeypatch.setattr(module, "ROWS", 7)
    monkeypatch.setattr(weighted_kmeans, "ELEMENTS", 21)
    assert medoids(x, 9, stream(0, 1, "select")).rows.tolist() == whole.rows.tolist()
