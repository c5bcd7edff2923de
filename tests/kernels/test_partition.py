"""k-means for pseudo-labels: finds clear groups, says nothing about order, survives duplicates."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels import partition

pytest.importorskip("sklearn")
pytestmark = pytest.mark.torchless


def blobs(count: int, each: int, d: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = stream(0, 0, "oracle")
    truth = np.repeat(np.arange(count), each)
    return (10 * rng.normal(size=(count, d))[truth] + rng.normal(size=(count * each, d)) * 0.3).astype(np.float32), truth


@pytest.mark.parametrize("count", [2, 10, 60])
def test_clear_groups_are_found(count: int) -> None:
    x, truth = blobs(count, 20)
    labels = partition.k_means(x, count, stream(0, 1, "select"))
    together = len({(a, b) for a, b in zip(labels.tolist(), truth.tolist(), strict=True)})
    assert together <= 1.1 * count and labels.min() >= 0 and labels.max() < count


def test_the_same_stream_gives_the_same_clusters_and_the_global_one_is_left_alone() -> None:
    x, _ = blobs(60, 10)
    before = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    first, second = (partition.k_means(x, 55, stream(0, 1, "select")) for _ in range(2))
    assert first.tolist() == second.tolist()
    assert (np.random.get_state()[1] == before).all()  # type: ignore[index]  # noqa: NPY002


def test_there_are_no_more_clusters_than_places() -> None:
    x = np.repeat(np.eye(3, 4), 5, axis=0)
    assert len(set(partition.k_means(x, 9, stream(0, 1, "select")).tolist())) == 3
    assert partition.k_means(np.ones((6, 2)), 4, stream(0, 1, "select")).tolist() == [0] * 6
    assert partition.k_means(np.ones((1, 2)), 4, stream(0, 1, "select")).tolist() == [0]
