"""Kernels of maps: depth in a mask, overlap, set cover, tails of a latent space, neighbours."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import distance_maps, local, overlap, set_cover, tail_ratio
from querist.kernels.ragged import binary_entropy

SEEDS = st.integers(0, 10**6)


def blob(seed: int = 0) -> np.ndarray:
    return np.asarray(stream(seed, 0, "oracle").random((9, 11)) < 0.4)


def test_depth_equals_the_naive_distance_to_the_outside() -> None:
    pytest.importorskip("scipy")
    mask = blob()
    inside, outside = np.argwhere(mask), np.argwhere(~mask)
    naive = np.zeros(mask.shape)
    for place in inside:
        naive[tuple(place)] = np.sqrt(((outside - place) ** 2).sum(axis=1)).min()
    np.testing.assert_allclose(distance_maps.depth(mask), naive / naive.max())


def test_depth_of_nothing_and_of_all() -> None:
    pytest.importorskip("scipy")
    assert not distance_maps.depth(np.zeros((4, 4), dtype=bool)).any()
    full = distance_maps.depth(np.ones((5, 5), dtype=bool))
    assert full.max() == 1.0 == full[2, 2] and full[0, 0] == pytest.approx(1 / 3)
    volume = np.zeros((5, 5, 5), dtype=bool)
    volume[1:4, 1:4, 1:4] = True
    assert distance_maps.depth(volume)[2, 2, 2] == 1.0 and distance_maps.depth(volume)[1, 1, 1] == 0.5


def test_what_is_uncertain_at_a_contour_weighs_less() -> None:
    pytest.importorskip("scipy")
    mask = np.zeros((1, 7, 7), dtype=bool)
    mask[0, 1:6, 1:6] = True
    at_edge, within = np.zeros((2, 1, 7, 7))
    at_edge[0, 1, 1], within[0, 3, 3] = 1.0, 1.0
    assert distance_maps.edt_sum(within, mask) == pytest.approx([1.0])
    assert distance_maps.edt_sum(at_edge, mask) == pytest.approx([1 / 3])
    assert distance_maps.edt_sum(within, np.zeros_like(mask)) == [0.0]


@pytest.mark.torchless
def test_side_outputs_fixture() -> None:
    masks = np.array([[[True, True], [True, False], [False, False]]])
    assert overlap.dice(masks[:, 0], masks[:, 1]) == pytest.approx([0.75])
    assert overlap.dice(masks[:, 0], masks[:, 2]) == pytest.approx([1 / 3])
    assert overlap.side_disagreement(masks) == pytest.approx([0.458333], abs=1e-6)


@pytest.mark.torchless
def test_masks_that_agree_disagree_by_nothing() -> None:
    masks = np.repeat(blob()[None, None], 4, axis=1)
    assert overlap.side_disagreement(masks).tolist() == overlap.set_disagreement(masks).tolist() == [0.0]
    assert overlap.dice(masks[:, 0] & False, masks[:, 1] & False).tolist() == [1.0]
    assert overlap.iou(masks[:, 0], masks[:, 1]).tolist() == [1.0]
    assert overlap.set_disagreement(masks[:, :1]).tolist() == overlap.side_disagreement(masks[:, :1]).tolist() == [0.0]


@pytest.mark.torchless
@given(SEEDS)
def test_overlap_naive_twin(seed: int) -> None:
    masks = stream(seed, 0, "oracle").random((3, 4, 5, 5)) < 0.5
    expected = []
    for item in masks:
        sets = [set(map(tuple, np.argwhere(mask).tolist())) for mask in item]
        expected.append(1 - np.mean([(2 * len(a & b) + 1) / (len(a) + len(b) + 1) for a, b in combinations(sets, 2)]))
    np.testing.assert_allclose(overlap.set_disagreement(masks), expected)
    a, b = masks[:, 0], masks[:, 1]
    np.testing.assert_allclose(overlap.iou(a, b), [((x & y).sum() + 1) / ((x | y).sum() + 1) for x, y in zip(a, b, strict=True)])


@pytest.mark.torchless
def test_suggestive_annotation_fixture() -> None:
    similar = np.array([[1.0, 0.9, 0.1], [0.9, 1.0, 0.8]])
    picks, gains = set_cover.max_cover(lambda block: similar.T[block], 3, 2, 2)
    assert picks.tolist() == [1, 0]
    np.testing.assert_allclose(gains, [2.7, 0.1])
    assert gains.sum() == pytest.approx(2.8)


@pytest.mark.torchless
@pytest.mark.parametrize("rows", [3, 4096])
def test_set_cover_is_greedy_within_its_bound_and_scale_free(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_cover, "ROWS", rows)
    for seed in range(10):
        rng = stream(seed, 0, "oracle")
        everything = rng.random((20, 4))
        short = everything[:8]
        unit = everything / np.linalg.norm(everything, axis=1, keepdims=True)
        like = unit @ unit[:8].T
        picks, gains = set_cover.cosine_cover(short, everything, 3)
        best = max(like[:, list(some)].max(axis=1).sum() for some in combinations(range(8), 3))
        assert like[:, picks].max(axis=1).sum() == pytest.approx(gains.sum()) and gains.sum() >= (1 - 1 / np.e) * best
        assert (np.diff(gains) <= 1e-12).all()
        assert set_cover.cosine_cover(7 * short, everything * 0.1, 3)[0].tolist() == picks.tolist()


@pytest.mark.torchless
def test_a_duplicate_of_a_pick_adds_nothing() -> None:
    everything = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    picks, gains = set_cover.cosine_cover(everything, everything, 4)
    assert picks.tolist()[:2] == [0, 2] and gains.tolist() == [2.0, 1.0, 0.0, 0.0] and len(set(picks.tolist())) == 4


@pytest.mark.torchless
def test_bsq_fixture() -> None:
    labelled, pool = (np.array([0.0]), np.array([1.0])), (np.array([2.0]), np.array([1.0]))
    rho = tail_ratio.log_rho(np.array([[2.0], [0.0]]), labelled, pool)
    np.testing.assert_allclose(rho, [-3.09004, 3.09004], atol=1e-5)


@pytest.mark.torchless
def test_tails_that_are_equal_say_nothing_and_far_ones_stay_finite() -> None:
    z = stream(0, 0, "oracle").normal(size=(30, 5))
    same = tail_ratio.moments(z)
    assert tail_ratio.log_rho(z, same, same).tolist() == [0.0] * 30
    assert np.isfinite(tail_ratio.log_rho(1e9 * z, (np.zeros(5), np.zeros(5)), same)).all()
    near = tail_ratio.moments(np.concatenate([z[:10], np.repeat(z[20:21], 40, axis=0)]))
    assert tail_ratio.log_rho(z[20:21], near, same) > tail_ratio.log_rho(z[20:21], tail_ratio.moments(z[:10]), same)
    np.testing.assert_allclose(tail_ratio.tail(np.array([[1.96]]), np.zeros(1), np.ones(1)), [[0.05]], atol=1e-4)


@pytest.mark.torchless
def test_neighbours_fixture() -> None:
    p = np.zeros((1, 3, 3))
    p[0, 1, 1] = 1.0
    assert local.neighbour_divergence(p)[0, 1, 1] == pytest.approx(0.34883, abs=1e-5)
    assert local.neighbour_divergence(np.full((1, 5, 5), 0.3)).max() < 1e-12
    assert local.neighbour_divergence(p, radius=0).max() == 0.0


@pytest.mark.torchless
@given(SEEDS)
def test_neighbour_divergence_naive_twin(seed: int) -> None:
    p = stream(seed, 0, "oracle").random((2, 5, 4))
    found = local.neighbour_divergence(p)
    assert (found >= 0).all() and (found <= np.log(2)).all()
    for item, row, column in np.ndindex(p.shape):
        window = p[item, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        assert found[item, row, column] == pytest.approx(binary_entropy(np.array([window.mean()]))[0] - binary_entropy(window).mean(), abs=1e-12)


@pytest.mark.torchless
def test_grid_fixture_and_its_ends() -> None:
    u = np.zeros((1, 4, 4))
    u[0, 0, 1], u[0, 2, 0], u[0, 3, 3], u[0, 2, 2] = 0.4, 0.2, 0.2, 0.1
    assert local.grid_max_mean(u, (2, 2)) == pytest.approx([0.2])
    assert local.grid_max_mean(u, (1, 1)) == pytest.approx([0.4])
    for cells in ((4, 4), (99, 99)):
        assert local.grid_max_mean(u, cells) == pytest.approx([u.mean()])
    odd = stream(0, 0, "oracle").random((3, 7, 5))
    assert local.grid_max_mean(odd, (3, 1))[0] == pytest.approx(np.mean([odd[0, :2].max(), odd[0, 2:4].max(), odd[0, 4:].max()]))
