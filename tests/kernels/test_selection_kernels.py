"""k-center, k-means++, gradients and top-k against naive twins, golden numbers and distributions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import selection_twins as twins
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import clustering, geometry, gradients, points, ranking, seeding

pytestmark = pytest.mark.torchless

POINTS = np.array([(0, 0), (1, 0), (0, 3), (5, 0), (5, 1), (6, 6), (2, 2)], dtype=np.float64)
P = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.1, 0.1, 0.8], [0.5, 0.25, 0.25]])
H = np.array([(1, 0), (0, 2), (1, 1), (2, -1)], dtype=np.float64)


def test_k_center_golden() -> None:
    picks, _ = geometry.k_center(POINTS[1:], POINTS[:1], 6)
    assert (picks + 1).tolist() == [5, 4, 2, 6, 1, 3]


def naive_k_center(x: np.ndarray, centres: np.ndarray, k: int) -> list[int]:
    covered, picks = list(centres), []
    for _ in range(min(k, len(x))):
        if covered:
            gaps = [-1.0 if i in picks else min(float(((row - c) ** 2).sum()) for c in covered) for i, row in enumerate(x)]
            pick = int(np.argmax(gaps))
        else:
            to_mean = [float(((row - x.mean(axis=0)) ** 2).sum()) for row in x]
            pick = next(i for i, gap in enumerate(to_mean) if gap <= min(to_mean) * (1 + 1e-9))
        picks.append(pick)
        covered.append(x[pick])
    return picks


@given(st.integers(1, 30), st.integers(0, 4), st.integers(0, 12), st.integers(0, 10_000))
def test_k_center_equals_the_naive_twin(n: int, m: int, k: int, seed: int) -> None:
    rng = stream(seed, 0, "oracle")
    x, centres = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
    picks, _ = geometry.k_center(x, centres, k)
    assert picks.tolist() == naive_k_center(x, centres, k)


def test_k_center_radius_is_at_most_twice_the_optimum() -> None:
    for seed in range(30):
        x = stream(seed, 0, "oracle").normal(size=(9, 2))
        picks, _ = geometry.k_center(x[1:], x[:1], 2)

        def radius(rows: tuple[int, ...], x: np.ndarray = x) -> float:
            return float(np.sqrt(np.min([twins.squared(x, x[row]) for row in (0, *rows)], axis=0).max()))

        best = min(radius(pair) for pair in itertools.combinations(range(1, 9), 2))
        assert radius(tuple((picks + 1).tolist())) <= 2 * best + 1e-12
    # The proof holds for the plain algorithm, so the blocks have to pick as it does.
    for size, offset in ((1.0, 0.0), (1e-25, 0.0), (1.0, 1e3)):
        x = (size * stream(1, 0, "oracle").normal(size=(400, 6)) + offset).astype(np.float32)
        for m in (0, 5):
            picks, squared = geometry.k_center(x, x[:m], 60)
            wanted, values = twins.plain_k_center(x, x[:m], 60)
            assert picks.tolist() == wanted and squared.tolist() == values


def test_distances_equal_the_naive_twin_in_blocks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = stream(6, 0, "oracle")
    x, centres = rng.normal(size=(23, 3)) + 2, rng.normal(size=(9, 3)) - 1
    table = ((x[:, None] - centres) ** 2).sum(axis=2)
    for block in (4096, 4):
        monkeypatch.setattr(geometry, "ROWS", block)
        np.testing.assert_allclose(geometry.nearest_squared(x, centres), table.min(axis=1), rtol=1e-9)
        np.testing.assert_allclose(geometry.squared_distances(x, centres[3]), table[:, 3], rtol=1e-12)
    assert np.isinf(geometry.nearest_squared(x, centres[:0])).all()


def test_k_center_radii_never_grow_and_rows_in_blocks_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    x = stream(0, 0, "oracle").normal(size=(200, 4)).astype(np.float32)
    picks, radii = geometry.k_center(x, x[:0], 50)
    assert (np.diff(radii[1:]) <= 1e-12).all()
    monkeypatch.setattr(geometry, "ROWS", 7)
    assert geometry.k_center(x, x[:0], 50)[0].tolist() == picks.tolist()


def test_gradient_norms_and_distances_golden() -> None:
    a = gradients.residual(P)
    norms = gradients.squared_norms(a, H)
    np.testing.assert_allclose(np.sqrt(norms), [0.374166, 1.476482, 0.346410, 1.369306], atol=1e-5)
    table = np.stack([gradients.squared_distances_to(a, H, norms, row) for row in range(4)])
    wanted = [[0, 2.32, 0.32, 1.115], [2.32, 0, 2.6, 5.855], [0.32, 2.6, 0, 2.145], [1.115, 5.855, 2.145, 0]]
    np.testing.assert_allclose(table, wanted, atol=1e-5)


def test_factorised_distance_equals_explicit_outer_products() -> None:
    rng = stream(5, 0, "oracle")
    probs = rng.dirichlet(np.ones(4), size=20)
    h = rng.normal(size=(20, 6))
    a = gradients.residual(probs).astype(np.float64)
    full = np.einsum("nc,nd->ncd", a, h).reshape(20, -1)
    norms = gradients.squared_norms(a, h)
    for row in range(20):
        np.testing.assert_allclose(gradients.squared_distances_to(a, h, norms, row), ((full - full[row]) ** 2).sum(axis=1), atol=1e-9)


@pytest.mark.parametrize("blocked", [True, False])
def test_badge_first_pick_is_the_largest_norm_and_the_second_follows_d_squared(blocked: bool) -> None:
    chisquare = pytest.importorskip("scipy.stats").chisquare
    a = gradients.residual(P)
    norms = gradients.squared_norms(a, H)
    rng = stream(0, 1, "select")

    def plain() -> np.ndarray:
        return clustering.kmeans_pp(lambda row: gradients.squared_distances_to(a, H, norms, row), norms, 2, rng)[0]

    outer = points.Outer(a, H)
    draws = [seeding.kmeans_pp(outer, 2, rng)[0] if blocked else plain() for _ in range(1200)]
    assert {int(pair[0]) for pair in draws} == {1}
    assert clustering._draw(np.array([0.0, 0, 5, 0]), np.ones(4, dtype=bool), rng) == (2, 5.0)
    seconds = np.bincount([int(pair[1]) for pair in draws], minlength=4)
    assert seconds[1] == 0
    wanted = np.array([0.215313, 0.241299, 0.543387])
    assert chisquare(seconds[[0, 2, 3]], 1200 * wanted / wanted.sum()).pvalue > 1e-4


def test_kmeans_pp_scale_does_not_matter() -> None:
    def picks(scale: float) -> list[int]:
        x = scale * stream(2, 0, "oracle").normal(size=(30, 3))
        return clustering.kmeans_pp(lambda row: geometry.squared_distances(x, x[row]), (x**2).sum(axis=1), 9, stream(0, 1, "select"))[0].tolist()

    assert picks(1.0) == picks(1024.0)


def test_kmeans_pp_fills_with_distinct_rows_when_every_distance_is_zero() -> None:
    zeros = np.zeros(8)
    rows, drawn = clustering.kmeans_pp(lambda row: zeros, zeros, 8, stream(0, 1, "select"))
    assert sorted(rows.tolist()) == list(range(8)) and (drawn == 0).all()


def test_kmeans_pp_never_picks_a_duplicate_before_all_distinct_points() -> None:
    x = np.repeat(stream(1, 0, "oracle").normal(size=(5, 3)), 5, axis=0)
    rows, _ = clustering.kmeans_pp(lambda row: geometry.squared_distances(x, x[row]), (x**2).sum(axis=1), 5, stream(0, 1, "select"))
    assert sorted(row // 5 for row in rows.tolist()) == [0, 1, 2, 3, 4]


@given(st.lists(st.integers(-3, 3), min_size=0, max_size=60), st.integers(0, 70))
def test_top_k_breaks_ties_by_row(values: list[int], k: int) -> None:
    scores = np.array(values, dtype=np.float64)
    wanted = sorted(range(len(values)), key=lambda row: (-values[row], row))[:k]
    assert ranking.top_k(scores, k).tolist() == wanted
