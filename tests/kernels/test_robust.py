"""k-center by integer programming against enumeration, and what it says about its own quality."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels import robust
from querist.kernels.geometry import k_center
from querist.kernels.robust import robust_k_center

scipy = pytest.importorskip("scipy")
pytestmark = pytest.mark.torchless


def radius(x: np.ndarray, centres: np.ndarray, rows: tuple[int, ...], outliers: int) -> float:
    every = np.concatenate([centres, x[list(rows)]])
    near = np.sqrt(((x[:, None] - every[None]) ** 2).sum(axis=2)).min(axis=1)
    return float(np.sort(near)[len(near) - 1 - outliers])


def best(x: np.ndarray, centres: np.ndarray, k: int, outliers: int) -> float:
    return min(radius(x, centres, rows, outliers) for rows in itertools.combinations(range(len(x)), k))


class TestRobust:
    """What every flipped sign of the robust cover breaks."""

    @pytest.mark.parametrize("labelled", [0, 1, 3])
    def test_without_outliers_it_is_exact_k_center(self, labelled: int) -> None:
        for seed in range(12):
            rng = stream(seed, 0, "oracle")
            x, centres = rng.normal(size=(10, 2)), rng.normal(size=(labelled, 2))
            found = robust_k_center(x, centres, 3, 0)
            assert found.radius == pytest.approx(best(x, centres, 3, 0), abs=1e-9)
            assert radius(x, centres, tuple(found.rows), 0) <= found.radius + 1e-9
            assert found.gap == 0 and found.undecided == 0 and len(found.rows) <= 3
        # The optimum is exactly the lower bound; whoever asks for no more than the trivial gap keeps the greedy radius.
        line = np.array([0.0, 0, 0, 0, 0, 1, 2])[:, None]
        assert [robust_k_center(line, line[:0], 1, 0, gap=gap).radius for gap in (0.0, 1.0)] == pytest.approx([1.0, 2.0])

    @pytest.mark.parametrize("outliers", [1, 2, 4])
    def test_outliers_are_really_left_out(self, outliers: int) -> None:
        # The released solver fixes the outlier variables to 0; here an outlier budget must lower the radius.
        lower = 0
        for seed in range(8):
            x = stream(seed, 0, "oracle").standard_t(2, size=(10, 2))
            found = robust_k_center(x, x[:0], 2, outliers)
            assert found.radius == pytest.approx(best(x, x[:0], 2, outliers), abs=1e-9)
            assert radius(x, x[:0], tuple(found.rows), outliers) <= found.radius + 1e-9
            lower += found.radius < best(x, x[:0], 2, 0) - 1e-9
        assert lower >= 6

    @pytest.mark.parametrize("packing", [False, True])
    def test_the_solver_is_exact_without_the_cheap_certificates(self, packing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(robust, "_greedy_cover", lambda todo, k, outliers: (len(todo) + 1, np.empty(0, dtype=np.int64)))
        if not packing:
            monkeypatch.setattr(robust, "_packed", lambda todo: 0)
        for seed, outliers in itertools.product(range(4), (0, 2)):
            rng = stream(seed, 0, "oracle")
            x, centres = rng.normal(size=(10, 2)), rng.normal(size=(1, 2))
            found = robust_k_center(x, centres, 3, outliers)
            assert found.radius == pytest.approx(best(x, centres, 3, outliers), abs=1e-9)

    @pytest.mark.parametrize("outliers", [0, 1, 5])
    def test_radius_is_between_its_bound_and_greedy(self, outliers: int) -> None:
        for seed in range(2):
            rng = stream(seed, 0, "oracle")
            x, centres = rng.normal(size=(70, 2)), rng.normal(size=(4, 2))
            picks, _ = k_center(x, centres, 8)
            found = robust_k_center(x, centres, 8, outliers, gap=0.05)
            assert found.bound <= found.radius <= found.greedy
            assert found.greedy == pytest.approx(radius(x, centres, tuple(picks), outliers), abs=1e-9)
            assert radius(x, centres, tuple(found.rows), outliers) <= found.radius + 1e-9
            assert 0 <= found.gap <= 0.05
            # The certificates alone never claim what the proof denies.
            cheap = robust_k_center(x, centres, 8, outliers, seconds=0.0)
            exact = robust_k_center(x, centres, 8, outliers)
            assert exact.gap == 0 and cheap.bound <= exact.radius + 1e-12 and exact.radius <= cheap.radius + 1e-12

    def test_the_greedy_cover_covers_and_learns_from_what_it_missed(self) -> None:
        blocks = np.kron(np.eye(5, dtype=int), np.ones((3, 3), dtype=int)).astype(bool)
        assert robust._greedy_cover(blocks, 5, 0)[0] == 0 and robust._packed(blocks) == 5
        assert robust._greedy_cover(blocks, 4, 0)[0] == 3
        # The widest column (0) is a trap: columns 1 and 2 together reach everything.
        trap = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [1, 0, 1], [0, 1, 0], [0, 0, 1]], dtype=bool)
        assert robust._greedy_cover(trap, 2, 0)[0] == 0

        missed, rows = robust._greedy_cover(np.eye(4, dtype=bool), 1, 3)
        assert missed == 3 and len(rows) == 1, "one of four is reached by a centre, not by none"

    def test_distances_far_from_the_origin_keep_their_digits(self) -> None:
        x = stream(3, 0, "oracle").normal(size=(12, 2))
        np.testing.assert_allclose(robust._distances(x + 1e8), np.sqrt(((x[:, None] - x) ** 2).sum(axis=2)), atol=1e-6)

    def test_undecided_counts_as_neither(self) -> None:
        search = robust._Bisection(16)
        tried = []
        while (step := search.next()) is not None:
            tried.append(step)
            search.tell(step, None if 6 <= step <= 9 else step > 9)
        assert (search.below, search.above) == (6, 10) and search.undecided == sum(6 <= step <= 9 for step in tried) > 0
        assert len(tried) == len(set(tried)) <= 16

    def test_no_time_leaves_the_greedy_cover(self) -> None:
        x = stream(0, 0, "oracle").normal(size=(60, 3))
        found = robust_k_center(x, x[:0], 5, 0, seconds=1e-9)
        assert found.radius == found.greedy and found.gap > 0
        assert found.rows.tolist() == k_center(x, x[:0], 5)[0].tolist()

    @pytest.mark.parametrize("k", [1, 4, 6])
    def test_identical_points_and_as_many_centres_as_points(self, k: int) -> None:
        assert robust_k_center(np.ones((6, 2)), np.empty((0, 2)), k, 1).radius == 0
        assert robust_k_center(np.ones((1, 2)), np.zeros((2, 2)), 1, 0).radius == 0
