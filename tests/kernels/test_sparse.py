"""Frank–Wolfe, GIGA and orthogonal pursuit against naive twins, golden numbers, and what each of them promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import sparse

pytestmark = pytest.mark.torchless

FIXTURE = np.array(
    [[[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]], [[0.4, 0.3, 0.3], [0.3, 0.4, 0.3]], [[0.9, 0.05, 0.05]] * 2, [[0.2, 0.1, 0.7], [0.6, 0.1, 0.3]]],
)


def run(v: np.ndarray, k: int, solver: str) -> sparse.Sparse:
    if solver == "giga":
        return sparse.giga(v, k)
    if solver == "omp":
        pytest.importorskip("scipy.optimize")
        return sparse.orthogonal_pursuit(v, k)
    return sparse.frank_wolfe(lambda row: v @ v[row], v @ v.sum(axis=0), np.linalg.norm(v, axis=1), k, vertex_start=solver == "vertex")


def vectors(seed: int, n: int = 30, k: int = 6) -> np.ndarray:
    return np.asarray(sparse.projections(stream(seed, 0, "oracle").dirichlet(np.ones(4), size=(n, k))))


class TestSparse:
    """What every flipped sign of the coresets breaks."""

    @pytest.mark.parametrize("solver", ["fw", "vertex", "giga", "omp"])
    def test_a_row_of_nothing_is_never_chosen(self, solver: str) -> None:
        v = vectors(1)
        v[[0, 4]] = 0.0
        with np.errstate(all="raise"):
            assert not {0, 4} & set(run(v, 30, solver).rows.tolist())

    def test_pursuit_follows_what_is_left(self) -> None:
        pytest.importorskip("scipy.optimize")
        v = vectors(2)
        target, first = v.sum(axis=0), run(v, 1, "omp")
        left = target - first.weights[0] * v[first.rows[0]]
        scores = v @ left / np.linalg.norm(v, axis=1)
        scores[first.rows] = -np.inf
        assert run(v, 2, "omp").rows.tolist() == [first.rows[0], int(np.argmax(scores))]

    def test_golden_projections(self) -> None:
        wanted = [[-0.832722, -0.892980], [-0.780140, -0.780140], [-0.278881, -0.278881], [-0.744139, -0.732969]]
        np.testing.assert_allclose(sparse.projections(FIXTURE), wanted, atol=1e-5)

    def test_golden_frank_wolfe(self) -> None:
        v = sparse.projections(FIXTURE)
        found = run(v, 4, "fw")
        np.testing.assert_allclose(found.errors[1:5], [0.034710, 0.000401, 0.000401, 0.000401], atol=1e-6)
        # x1 and x2 are parallel: they are one vertex of the polytope, and the lower row stands for both.
        assert found.rows.tolist() == [1, 0]
        moves = [1 - 0.999794, 1 - 0.264281]
        np.testing.assert_allclose(run(v, 2, "fw").weights[1], 0.264281 * np.linalg.norm(v, axis=1).sum() / np.linalg.norm(v[0]), rtol=1e-5)
        np.testing.assert_allclose(run(v, 2, "fw").weights[0], (1 - moves[0]) * moves[1] * np.linalg.norm(v, axis=1).sum() / np.linalg.norm(v[1]), rtol=1e-5)

    @settings(max_examples=40)
    @given(st.integers(0, 10_000), st.integers(5, 25), st.integers(5, 8), st.integers(1, 5))
    def test_frank_wolfe_equals_the_naive_twin(self, seed: int, n: int, width: int, k: int) -> None:
        v = stream(seed, 0, "oracle").normal(size=(n, width)) + 0.5
        picks, weights = naive_frank_wolfe(v, k)
        found = run(v, k, "fw")
        assert found.rows.tolist() == picks
        np.testing.assert_allclose(found.weights, weights[picks], rtol=1e-4, atol=1e-5)

    def test_giga_equals_the_naive_twin(self) -> None:
        compared = 0
        for seed in range(20):
            v = stream(seed, 0, "oracle").normal(size=(40, 8)) + 0.3
            picks, error = naive_giga(v, 4)
            if len(set(picks)) == 4:
                found = run(v, 4, "giga")
                assert found.rows.tolist() == picks
                assert found.errors[-1] == pytest.approx(error, rel=1e-3)
                compared += 1
        assert compared >= 10

    @pytest.mark.parametrize("solver", ["fw", "vertex", "giga", "omp"])
    def test_errors_never_grow_and_weights_reproduce_them(self, solver: str) -> None:
        for seed in range(8):
            v = vectors(seed)
            v = v - v.mean(axis=1, keepdims=True) if seed % 2 else v
            found = run(v, 12, solver)
            start = 1 if solver == "vertex" else 0  # the full step to the first vertex is no descent
            assert (np.diff(found.errors[start:]) <= 1e-9 * found.errors[0]).all()
            assert (found.weights >= 0).all() and len(set(found.rows.tolist())) == len(found.rows)
            left = float(np.linalg.norm(v.sum(axis=0) - found.weights @ v[found.rows]))
            assert left == pytest.approx(found.errors[-1], abs=1e-6 * found.errors[0])

    @pytest.mark.parametrize("solver", ["fw", "giga", "omp"])
    def test_nothing_to_approximate(self, solver: str) -> None:
        assert len(run(np.zeros((5, 3)), 4, solver).rows) == 0
        opposite = np.array([[1.0, 0.0], [-1.0, 0.0]])
        assert len(run(opposite, 2, solver).rows) == 0

    def test_entropy_makes_a_divergence_and_centring_removes_the_mean(self) -> None:
        probs = stream(2, 0, "oracle").dirichlet(np.ones(3), size=(7, 4))
        mean = probs.mean(axis=1, keepdims=True)
        divergence = (mean * np.log(mean / probs)).sum(axis=2)
        np.testing.assert_allclose(sparse.projections(probs, entropy=1.0), -divergence / 2, atol=1e-12)
        np.testing.assert_allclose(sparse.projections(probs, centred=True).sum(axis=1), 0, atol=1e-12)

    def test_zeros_and_blocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        probs = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]], dtype=np.float32)
        found = sparse.projections(probs)
        assert np.isfinite(found).all() and (found[1] == 0).all() and found[0, 0] < -20
        monkeypatch.setattr(sparse, "BLOCK", 1)
        assert (sparse.projections(probs) == found).all()

    def test_ties_go_to_the_lowest_row_in_spite_of_rounding(self) -> None:
        assert sparse.first_of_best(np.array([0.0, 1.0, 1.0 + 1e-15, -np.inf])) == 1
        assert sparse.first_of_best(np.array([-np.inf, -2.0, -1.0])) == 2


def naive_frank_wolfe(v: np.ndarray, k: int) -> tuple[list[int], np.ndarray]:
    target, norms = v.sum(axis=0), np.sqrt((v**2).sum(axis=1))
    w, picks = np.zeros(len(v)), list[int]()
    for _ in range(4 * k):
        residual = target - w @ v
        f = int(np.argmax(v @ residual / norms))
        vertex = np.zeros(len(v))
        vertex[f] = norms.sum() / norms[f]
        way = (vertex - w) @ v
        step = min(max(float(way @ residual) / float(way @ way), 0.0), 1.0)
        w = w + step * (vertex - w)
        picks += [f] if f not in picks else []
        if len(picks) == k:
            break
    return picks, w


def naive_giga(v: np.ndarray, k: int) -> tuple[list[int], float]:
    """Unit vectors on the sphere; the best point of each arc by search instead of a formula."""
    units, goal = v / np.linalg.norm(v, axis=1, keepdims=True), v.sum(axis=0) / np.linalg.norm(v.sum(axis=0))
    picks = [int(np.argmax(units @ goal))]
    at = units[picks[0]]
    while len(picks) < k:
        way = goal - (goal @ at) * at
        tangents = units - np.outer(units @ at, at)
        f = int(np.argmax(tangents @ way / np.maximum(np.linalg.norm(tangents, axis=1), 1e-9)))
        arc = at + np.linspace(0, 1, 20_001)[:, None] * (units[f] - at)
        arc /= np.linalg.norm(arc, axis=1, keepdims=True)
        at = arc[int(np.argmax(arc @ goal))]
        picks.append(f)
    return picks, float(np.linalg.norm(v.sum(axis=0)) * np.linalg.norm(goal - (goal @ at) * at))


@pytest.mark.parametrize("solver", ["fw", "giga", "omp"])
def test_the_first_pick_points_most_towards_the_sum(solver: str) -> None:
    for seed in range(10):
        v = vectors(seed)
        assert run(v, 3, solver).rows[0] == int(np.argmax(v @ v.sum(axis=0) / np.linalg.norm(v, axis=1)))


def test_frank_wolfe_stays_on_its_polytope() -> None:
    v = vectors(1)
    norms = np.linalg.norm(v, axis=1)
    inside, on = run(v, 8, "fw"), run(v, 8, "vertex")
    assert float(inside.weights @ norms[inside.rows]) <= norms.sum() * (1 + 1e-9)
    assert float(on.weights @ norms[on.rows]) == pytest.approx(norms.sum())


def test_a_refit_beats_a_geodesic_beats_a_polytope() -> None:
    errors = np.array([[run(vectors(seed, 60, 10), 8, solver).errors[-1] for solver in ("omp", "giga", "fw")] for seed in range(12)])
    assert (np.diff(np.median(errors, axis=0)) >= 0).all()


def test_all_points_leave_no_error() -> None:
    pytest.importorskip("scipy.optimize")
    for seed in range(5):
        v = vectors(seed, 9, 5)
        assert run(v, 9, "omp").errors[-1] <= 1e-6 * np.linalg.norm(v.sum(axis=0))
        assert run(v, 9, "giga").errors[-1] <= 1e-2 * np.linalg.norm(v.sum(axis=0))


@pytest.mark.parametrize("solver", ["fw", "giga", "omp"])
def test_duplicates_share_a_weight(solver: str) -> None:
    v = vectors(4, 8, 12)
    many = run(np.repeat(v, 5, axis=0), 6, solver)
    assert len({row // 5 for row in many.rows.tolist()}) == len(many.rows)
