"""Label propagation: the graph, what spreads over it, and what it reaches least."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels import propagation

pytest.importorskip("scipy")


def points(n: int = 40, d: int = 5, seed: int = 0) -> np.ndarray:
    return stream(seed, 0, "oracle").normal(size=(n, d))


def naive_graph(x: np.ndarray, k: int, power: float = 3.0) -> np.ndarray:
    """Dense, an edge at a time."""
    norms = np.linalg.norm(x, axis=1)
    rows = x / np.where(norms > 0, norms, 1.0)[:, None]
    weights = np.zeros((len(x), len(x)))
    for i in range(len(x)):
        near = sorted((j for j in range(len(x)) if j != i), key=lambda j: (-float(rows[i] @ rows[j]), j))[:k]
        for j in near:
            weights[i, j] = max(float(rows[i] @ rows[j]), 0.0) ** power
    weights = weights + weights.T
    degree = weights.sum(axis=1)
    scale = np.array([d**-0.5 if d > 0 else 0.0 for d in degree])
    return np.asarray(scale[:, None] * weights * scale)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [1, 6, 39, 50])
def test_the_graph_is_its_naive_twin(seed: int, k: int) -> None:
    np.testing.assert_allclose(propagation.graph(points(seed=seed), k).toarray(), naive_graph(points(seed=seed), k), atol=1e-12)


def test_blocks_of_any_size_give_the_same_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = propagation.graph(points(), 6).toarray()
    monkeypatch.setattr("querist.kernels.neighbours.PAIRS", 300)
    np.testing.assert_array_equal(propagation.graph(points(), 6).toarray(), whole)


def test_the_graph_is_symmetric_without_loops_and_its_spectral_radius_is_at_most_one() -> None:
    for seed in range(3):
        dense = propagation.graph(points(60, seed=seed), 7).toarray()
        assert np.allclose(dense, dense.T, rtol=1e-12) and not dense.diagonal().any()
        assert np.abs(np.linalg.eigvalsh(dense)).max() <= 1 + 1e-9


def test_ties_go_to_the_lower_row_and_a_row_without_an_edge_stays_empty() -> None:
    x = np.array([[1.0, 0.0]] * 5 + [[-1.0, 0.0]])
    dense = propagation.graph(x, 2).toarray()
    assert (dense[:5, :5][2] > 0).tolist() == [True, True, False, False, False], "0 and 1 are the first of four that are as near"
    assert not dense[5].any() and not propagation.graph(np.zeros((4, 3)), 2).toarray().any()
    assert propagation.graph(points(1), 5).shape == (1, 1)


def test_diffusion_solves_the_system() -> None:
    x, start = points(), np.abs(points(40, 3, seed=1))
    found = propagation.diffused(propagation.graph(x, 6), start, alpha=0.9, iterations=500, tolerance=1e-12)
    np.testing.assert_allclose(found, np.linalg.solve(np.eye(40) - 0.9 * naive_graph(x, 6), start), rtol=1e-8)


def moons(n: int = 200, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Two moons, lifted by distances to landmarks so that cosines see what is near."""
    rng = stream(0, 0, "oracle")
    angle = np.pi * (np.arange(n) // 2) / (n // 2 - 1)
    upper = np.arange(n) % 2 == 0
    x = np.where(upper[:, None], np.stack([np.cos(angle), np.sin(angle)], 1), np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], 1))
    x = x + noise * rng.normal(size=x.shape)
    gaps = ((x[:, None] - x) ** 2).sum(axis=2)
    return np.exp(-gaps / 0.08), (~upper).astype(np.int64)


def test_two_moons_with_one_label_each() -> None:
    x, y = moons()
    middle = [100, 101]
    order = np.concatenate([middle, np.setdiff1d(np.arange(200), middle)])
    edges = propagation.graph(x[order], 8)
    labels, weight = propagation.told(propagation.diffused(edges, propagation.seeds(y[order][:2], 200, 2), iterations=200))
    assert (labels == y[order]).mean() > 0.95
    assert 0 <= weight.min() and weight.max() == 1.0


def test_what_is_told_and_how_much_it_weighs() -> None:
    spread = np.array([[0.8, 0.0, 0.0], [0.3, 0.3, 0.0], [0.2, 0.2, 0.2], [0.0, 0.0, 0.0], [-0.5, 0.1, 0.0]])
    labels, weight = propagation.told(spread)
    assert labels.tolist() == [0, 0, 0, 0, 1], "negative parts are clipped, ties go to the lower class"
    np.testing.assert_allclose(weight, [1.0, 1 - np.log(2) / np.log(3), 0.0, 0.0, 1.0], atol=1e-12)
    _, scaled = propagation.told(spread[1:3])
    assert scaled.tolist() == pytest.approx([1.0, 0.0]), "over the largest"
    assert propagation.seeds(np.array([0, 2, 2]), 5, 3).tolist() == [[1, 0, 0], [0, 0, 0.5], [0, 0, 0.5], [0, 0, 0], [0, 0, 0]]


def test_jlp_on_two_clusters_with_one_labelled_picks_from_the_other_first() -> None:
    rng = stream(0, 0, "oracle")
    centres = np.array([[5.0, 0.5, 0.0], [0.5, 5.0, 0.0]])
    for covered in (0, 1):
        of = np.concatenate([[covered], np.arange(30) % 2])
        edges = propagation.graph(centres[of] + 0.3 * rng.normal(size=(31, 3)), 6)
        rows, reached = propagation.least_reached(edges, np.arange(31) < 1, 6)
        assert of[rows[0]] == 1 - covered, "the other cluster"
        assert 0 not in rows and len(set(rows.tolist())) == 6 and np.isfinite(reached).all()


def test_jlp_is_its_naive_twin() -> None:
    """Solving anew after every pick."""
    x = points(30)
    dense, labelled = naive_graph(x, 5), np.arange(30) < 3
    rows, reached = propagation.least_reached(propagation.graph(x, 5), labelled, 8, alpha=0.9, iterations=500)
    now = labelled.copy()
    for row, value in zip(rows, reached, strict=True):
        z = np.linalg.solve(np.eye(30) - 0.9 * dense, now.astype(float))
        expected = int(np.argmin(np.where(now, np.inf, z)))
        assert row == expected and value == pytest.approx(z[row], rel=1e-4)
        now[row] = True
