"""Boxes: overlap, consistency of two views, layers that disagree, distances of sets, weights of classes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import boxes, ragged
from querist.kernels.item_medoids import k_medoids

pytestmark = pytest.mark.torchless

SEEDS = st.integers(0, 10**6)


def drawn(seed: int, n: int) -> np.ndarray:
    corner = stream(seed, n, "oracle").integers(0, 8, size=(n, 4))
    return np.concatenate([corner[:, :2], corner[:, :2] + corner[:, 2:]], axis=1).astype(float)


@given(SEEDS)
def test_overlap_counts_pixels(seed: int) -> None:
    a, b = drawn(seed, 3), drawn(seed, 4)

    def paint(box: np.ndarray) -> np.ndarray:
        canvas = np.zeros((20, 20), dtype=bool)
        canvas[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])] = True
        return canvas

    for i, j in np.ndindex(3, 4):
        both, either = (paint(a[i]) & paint(b[j])).sum(), (paint(a[i]) | paint(b[j])).sum()
        assert boxes.box_iou(a, b)[i, j] == pytest.approx(both / either if either else 0.0)


def test_cald_fixtures() -> None:
    p, q, overlap = np.array([[0.8, 0.1, 0.1]]), np.array([[0.1, 0.8, 0.1]]), np.array([0.7])
    assert boxes.consistency(p, p, overlap) == pytest.approx([1.5])
    assert boxes.jensen_shannon(p, q) == pytest.approx([0.30988], abs=1e-5)
    assert boxes.consistency(p, q, overlap) == pytest.approx([1.25209], abs=1e-5)
    assert abs(boxes.consistency(p, q, overlap)[0] - boxes.BETA) == pytest.approx(0.04791, abs=1e-5)


def test_cald_of_an_image() -> None:
    box, p = np.array([[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]]), np.array([[0.8, 0.1, 0.1], [0.5, 0.4, 0.1]])
    assert boxes.cald(box, p, box[::-1], p[::-1]) == pytest.approx(min(1.8 - 1.3, 1.5 - 1.3))
    assert boxes.cald(box[:0], p[:0], box, p) == 0.0
    assert boxes.cald(box, p, box[:0], p[:0]) == pytest.approx(1.3 - 0.4)
    half = np.array([[0.0, 0.0, 10.0, 7.0]])
    assert boxes.cald(box[:1], p[:1], half, p[:1]) == pytest.approx(0.2)


def test_layers_that_agree_or_are_alone_have_no_margin() -> None:
    box, classes = np.array([[0.0, 0.0, 10.0, 10.0]]), np.array([1])
    priors = np.array([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 9.0], [0.0, 0.0, 9.0, 9.0], [50.0, 50.0, 60.0, 60.0]])
    probs = np.array([[0.1, 0.9], [0.5, 0.5], [0.6, 0.4], [1.0, 0.0]])
    layers = np.array([0, 1, 1, 2])
    # Layer 1 speaks through its better predictor; layer 2 is too far away to be heard.
    assert boxes.layer_margins(box, classes, priors, layers, probs) == pytest.approx([0.4])
    assert boxes.layer_margins(box, classes, priors, np.zeros(4, dtype=int), probs).tolist() == [0.0]
    assert boxes.layer_margins(box, classes, priors, layers, np.full((4, 2), 0.5)).tolist() == [0.0]
    # A predictor of layer 0 that is too far away does not silence the layer.
    assert boxes.layer_margins(box, classes, priors, np.array([0, 1, 1, 0]), probs) == pytest.approx([0.4])
    assert boxes.layer_margins(box[:0], classes[:0], priors, layers, probs).shape == (0,)
    assert boxes.layer_margins(box, classes, priors[:0], layers[:0], probs[:0]).tolist() == [0.0]


def test_ppal_weights_fixture() -> None:
    np.testing.assert_allclose(boxes.class_weights(np.array([0.0, 0.5, 1.0])), [1.2, 1.16051, 1.0], atol=1e-5)


def items(seed: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    rng = stream(seed, 0, "oracle")
    return [(rng.normal(size=(m, 3)), rng.integers(0, 2, size=m), rng.uniform(0.1, 1, size=m)) for m in rng.integers(0, 4, size=5)]


@given(SEEDS)
def test_set_distance_is_symmetric_within_its_range_and_0_to_itself(seed: int) -> None:
    sets = items(seed)
    for a, b in combinations(sets, 2):
        assert boxes.set_distance(a, b) == pytest.approx(boxes.set_distance(b, a), abs=1e-12)
        assert 0 <= boxes.set_distance(a, b) <= boxes.FAR
    assert all(boxes.set_distance(one, one) == pytest.approx(0, abs=1e-12) for one in sets)


def test_set_distance_asks_for_the_same_class_and_weighs_by_score() -> None:
    east, north = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    one, two, sure = np.array([0]), np.array([1]), np.array([0.5])
    assert boxes.set_distance((east, one, sure), (north, one, sure)) == pytest.approx(1.0)
    assert boxes.set_distance((east, one, sure), (east, two, sure)) == boxes.FAR
    assert boxes.set_distance((east, one, sure), (east[:0], one[:0], sure[:0])) == boxes.FAR
    both = (np.concatenate([east, north]), np.array([0, 0]), np.array([3.0, 1.0]))
    # From both: east at 0 with weight 3, north at 1 with weight 1; from east alone 0.
    assert boxes.set_distance(both, (east, one, sure)) == pytest.approx(0.5 * 0.25)


def test_mi_aod_fixture() -> None:
    first, second = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.3]]), np.array([[0.7, 0.1], [0.5, 0.1], [0.2, 0.3]])
    u = boxes.head_discrepancy(first, second)
    np.testing.assert_allclose(u, [0.02, 0.08, 0.0], atol=1e-12)
    offsets = np.array([0, 3])
    assert ragged.topk_mean(u, offsets, k=2) == pytest.approx([0.05])
    assert ragged.topk_mean(u, offsets, k=3) == ragged.topk_mean(u, offsets, k=99) == pytest.approx([0.033333], abs=1e-6)
    assert ragged.topk_mean(u, offsets, k=1) == ragged.largest(u, offsets)
    assert not boxes.head_discrepancy(first, first).any()


def test_triplet_fixture() -> None:
    score = boxes.triplet(np.array([0.9]), np.array([0.8]), np.array([0.5]))
    assert score == pytest.approx([0.36])
    assert ragged.mean(np.array([score[0], 0.9]), np.array([0, 2])) == pytest.approx([0.63])


@given(SEEDS)
def test_medoids_are_distinct_and_central(seed: int) -> None:
    x = stream(seed, 0, "oracle").normal(size=(14, 2))
    distances = np.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=2))
    rows, sizes = k_medoids(distances, 4)
    assert len(set(rows.tolist())) == 4 and sizes.sum() == 14 and (np.diff(sizes) <= 0).all()
    owner = distances[:, rows].argmin(axis=1)
    owner[rows] = np.arange(4)
    for cluster, row in enumerate(rows):
        members = np.flatnonzero(owner == cluster)
        sums = distances[np.ix_(members, members)].sum(axis=1)
        assert sums[members.tolist().index(row)] == pytest.approx(sums.min())


def test_medoids_of_tight_groups() -> None:
    x = np.repeat([0.0, 10.0, 50.0], [5, 3, 2])[:, None] + np.tile([0.0, 0.1], 5)[:, None]
    rows, sizes = k_medoids(np.abs(x - x.T), 3)
    assert sorted(float(x[row, 0] // 10) for row in rows) == [0.0, 1.0, 5.0] and sizes.tolist() == [5, 3, 2]
    # Without a round it is the seeds: the most central one, then always the farthest from all of them.
    line = np.array([0.0, 1.0, 2.0, 100.0, -60.0, -58.0, 40.0])[:, None]
    assert set(k_medoids(np.abs(line - line.T), 4, rounds=0)[0].tolist()) == {1, 3, 4, 6}
    assert k_medoids(np.zeros((3, 3)), 9)[0].tolist() == [0, 1, 2] and len(k_medoids(np.zeros((3, 3)), 0)[0]) == 0


def test_background_makes_a_box_no_surer() -> None:
    place, p, q = np.array([[0.0, 0, 10, 10]]), np.array([[0.2, 0.1, 0.7]]), np.array([[0.3, 0.1, 0.6]])
    js = float(boxes.jensen_shannon(p, q)[0])
    assert boxes.consistency(p, q, np.array([0.5]), 2)[0] == pytest.approx(0.5 + 0.5 * (1 - js) * 0.5)
    assert boxes.consistency(p, q, np.array([0.5]))[0] == pytest.approx(0.5 + 0.5 * (1 - js) * 1.3)
    assert boxes.cald(place, p, place, q, classes=2) == pytest.approx(abs(1 + 0.5 * (1 - js) * 0.5 - boxes.BETA))
    assert boxes.cald(place, p, np.empty((0, 4)), np.empty((0, 3)), classes=2) == pytest.approx(abs(0.1 - boxes.BETA))
