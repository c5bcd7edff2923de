"""TypiClust: visits, typical items, and the places where the authors' code stumbles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.typical import TypiClust
from querist.acquire.unit import Unit
from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.kernels import neighbours, partition
from querist.testing import FakeView

pytest.importorskip("sklearn")
pytestmark = pytest.mark.torchless

METHOD = Compose(embed=Unit(), selector=TypiClust())


def blobs(count: int, each: int, labelled: list[int] | None = None, spread: float = 0.05) -> tuple[FakeView, np.ndarray]:
    """Blobs around orthogonal directions, ids in order of the blobs; `labelled` are rows."""
    rng = stream(0, 0, "oracle")
    x = (np.eye(count)[np.repeat(np.arange(count), each)] + rng.normal(size=(count * each, count)) * spread).astype(np.float32)
    return view_of(x, labelled or []), x


def view_of(x: np.ndarray, labelled: list[int]) -> FakeView:
    rows = {"candidates": np.setdiff1d(np.arange(len(x)), labelled), "labelled": np.array(labelled, dtype=int), "pending": np.arange(0)}
    probs = np.full((len(x), 1, 3), 1 / 3, dtype=np.float32)
    return FakeView.of([str(row) for row in range(len(x))], rows, x, probs, [0] * len(labelled))


def picked(view: FakeView, k: int, method: Compose = METHOD, seed: int = 0) -> list[int]:
    return [int(item) for item in method.select(view, k, stream(seed, 1, "select")).ids]


def test_one_typical_item_of_each_blob() -> None:
    view, x = blobs(10, 40)
    rows = picked(view, 10)
    assert sorted(row // 40 for row in rows) == list(range(10))
    unit = neighbours.unit(x)
    for row in rows:
        blob = unit[row // 40 * 40 : row // 40 * 40 + 40]
        gaps = np.sort(np.sqrt(((blob[:, None] - blob) ** 2).sum(axis=2)), axis=1)[:, 1:21].mean(axis=1)
        assert gaps.argmin() == row % 40


def test_a_blob_with_labels_is_visited_last() -> None:
    view, _ = blobs(6, 30, labelled=[0, 31])
    rows = picked(view, 4)
    assert sorted(row // 30 for row in rows) == [2, 3, 4, 5]


def test_pending_items_count_as_labelled() -> None:
    view, _ = blobs(6, 30, labelled=[0, 31])
    waiting = replace(view, labelled=[], labels=[], pending=view.labelled, stats={**view.stats, "pending": view.stats["labelled"]})
    assert sorted(row // 30 for row in picked(waiting, 4)) == [2, 3, 4, 5]


def test_outliers_are_never_chosen_before_dense_points() -> None:
    _, x = blobs(4, 30)
    rng = stream(1, 0, "oracle")
    far = neighbours.unit(rng.normal(size=(4, 4)).astype(np.float32) - 2)
    rows = picked(view_of(np.concatenate([far, x]), []), 4)
    assert min(rows) >= 4


def test_clusters_are_visited_in_turn_when_there_are_fewer_than_picks() -> None:
    view, _ = blobs(3, 30)
    rows = picked(view, 9, Compose(embed=Unit(), selector=TypiClust(clusters=3)))
    assert [row // 30 for row in rows[:3]] == [row // 30 for row in rows[3:6]] == [row // 30 for row in rows[6:]]
    assert len(set(rows)) == 9 and {row // 30 for row in rows} == {0, 1, 2}


def test_typicality_looks_at_candidates_only() -> None:
    # A labelled crowd around row 5 must not make it typical.
    rng = stream(2, 0, "oracle")
    crowd = np.array([1.0, 0.8]) + rng.normal(size=(10, 2)) * 0.001
    open_rows = np.array([1.0, 0.0]) + rng.normal(size=(10, 2)) * 0.02
    x = np.concatenate([open_rows, [[1.0, 0.8]], crowd]).astype(np.float32)
    assert picked(view_of(x, list(range(11, 21))), 1, Compose(embed=Unit(), selector=TypiClust(clusters=1)))[0] != 10


def test_tiny_pools_and_clusters_end_with_every_candidate() -> None:
    for n in (1, 2, 3, 5, 7):
        view, _ = blobs(1, n)
        assert sorted(picked(view, 50)) == list(range(n))
    view, _ = blobs(4, 8)
    rows = picked(view, 32)
    assert sorted(rows) == list(range(32))


def test_cluster_and_count_stay_together_where_an_id_is_empty() -> None:
    sizes, known = np.array([10, 0, 8, 7]), np.array([3, 0, 0, 1])
    members = {0: np.arange(7), 1: np.arange(0), 2: np.arange(8), 3: np.arange(6)}
    turns = TypiClust()._turns(sizes, known, members)
    assert [next(turns) for _ in range(4)] == [2, 3, 0, 2]


def test_squares_are_a_flag_and_change_the_value() -> None:
    view, _ = blobs(5, 20)
    plain, squares = (Compose(embed=Unit(), selector=TypiClust(squares=flag)).select(view, 3, stream(0, 1, "select")) for flag in (False, True))
    assert squares.scores[0] > plain.scores[0]  # distances below one


def test_large_clusters_are_compared_on_a_sample() -> None:
    view, _ = blobs(2, 60)
    rows = picked(view, 2, Compose(embed=Unit(), selector=TypiClust(limit=20)))
    assert sorted(row // 60 for row in rows) == [0, 1]


def test_it_needs_an_embedding() -> None:
    with pytest.raises(UsageError, match="needs an embedding"):
        Compose(selector=TypiClust()).select(blobs(2, 5)[0], 1, stream(0, 1, "select"))


@pytest.mark.slow
def test_five_thousand_points_equal_the_definition() -> None:
    rng = stream(5, 0, "oracle")
    scale = np.arange(1, 65) ** -0.5
    x = ((rng.normal(size=(20, 64))[rng.integers(20, size=5000)] + rng.normal(size=(5000, 64))) * scale).astype(np.float32)
    view, k = view_of(x, list(range(30))), 60
    unit = neighbours.unit(x)
    labels = partition.k_means(unit, 30 + k, stream(0, 1, "select"))  # the same rows, the same stream: the same clusters
    known, open_rows = np.bincount(labels[:30], minlength=90), set(range(30, 5000))
    order = sorted((c for c in range(90) if (labels == c).sum() > 5), key=lambda c: (known[c], -int((labels == c).sum()), c))
    wanted: list[int] = []
    while len(wanted) < k:
        for cluster in order[: k - len(wanted)]:
            rows = np.array(sorted(row for row in np.flatnonzero(labels == cluster) if row in open_rows))
            gaps = np.sort(np.sqrt(((unit[rows][:, None].astype(np.float64) - unit[rows]) ** 2).sum(axis=2)), axis=1)
            typical = 1 / (gaps[:, 1 : 1 + min(20, len(rows) // 2)].mean(axis=1) + 1e-5)
            wanted.append(int(rows[typical.argmax()]))
            open_rows.remove(wanted[-1])
    assert picked(view, k) == wanted
