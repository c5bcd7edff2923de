"""k-means++ by rejection: the distribution of the sequential algorithm, the same rows for any chunk, type, k and backend."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels import budget, gradients, points, seeding

pytestmark = pytest.mark.torchless

SIX = np.array([[0.0, 0], [1, 0], [0, 3], [4, 1], [5, 5], [2, -3]])


def exact(table: np.ndarray, first: int, k: int) -> dict[tuple[int, ...], float]:
    """Sequence of picks → its probability under sequential k-means++."""
    found: dict[tuple[int, ...], float] = {}
    for rest in itertools.permutations([row for row in range(len(table)) if row != first], k - 1):
        near, chance = table[first].copy(), 1.0
        for row in rest:
            chance *= near[row] / near.sum()
            near = np.minimum(near, table[row])
        found[first, *rest] = chance
    return found


def gradient_points() -> tuple[points.Outer, np.ndarray]:
    rng = stream(3, 0, "oracle")
    a, h = gradients.residual(rng.dirichlet(np.ones(3), size=6)), rng.normal(size=(6, 4)).astype(np.float32)
    full = np.einsum("nc,nd->ncd", a, h).reshape(6, -1).astype(np.float64)
    return points.Outer(a, h), ((full[:, None] - full[None]) ** 2).sum(axis=2)


def vector_points() -> tuple[points.Vectors, np.ndarray]:
    return points.Vectors(SIX), ((SIX[:, None] - SIX[None]) ** 2).sum(axis=2)


@pytest.mark.parametrize("made", [vector_points, gradient_points])
@pytest.mark.parametrize(("proposals", "patience", "times"), [(256, 8, 300), (3, 8, 700), (2, 1e-9, 700)], ids=["default", "many passes", "one pass"])
def test_the_distribution_is_that_of_the_sequential_algorithm(
    made: Callable[[], tuple[points.Factored, np.ndarray]], proposals: int, patience: float, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chisquare = pytest.importorskip("scipy.stats").chisquare
    monkeypatch.setattr(seeding, "PROPOSALS", proposals)
    monkeypatch.setattr(seeding, "PATIENCE", patience)
    pool, table = made()
    wanted = exact(table, int(np.argmax(pool.norms())), 3)
    rng = stream(1, 1, "select")
    counts = dict.fromkeys(wanted, 0)
    for _ in range(times):
        rows, values = seeding.kmeans_pp(pool, 3, rng)
        counts[tuple(rows.tolist())] += 1
        assert values[1] == pytest.approx(table[rows[0], rows[1]], rel=1e-5)
    chances = np.array(list(wanted.values()))
    assert chisquare(np.array(list(counts.values())), times * chances / chances.sum()).pvalue > 1e-4


def test_neither_chunks_nor_k_nor_the_type_change_what_is_drawn(tmp_path: Path) -> None:
    x = stream(2, 0, "oracle").normal(size=(500, 16)).astype(np.float32)
    rows, values = seeding.kmeans_pp(points.Vectors(x), 100, stream(5, 1, "select"))
    assert len(set(rows.tolist())) == 100
    for allowed in (1, 5_000, 2**30):
        with budget.limit(allowed) as spent:
            again, near = seeding.kmeans_pp(points.Vectors(x), 100, stream(5, 1, "select"))
        assert again.tolist() == rows.tolist()
        assert spent.peak_bytes == allowed + 2 * 8 * 500, "two numbers per row"
        np.testing.assert_allclose(near, values, rtol=1e-9)
    assert seeding.kmeans_pp(points.Vectors(x), 77, stream(5, 1, "select"))[0].tolist() == rows[:77].tolist()
    assert seeding.kmeans_pp(points.Vectors(x.astype(np.float64)), 100, stream(5, 1, "select"))[0].tolist() == rows.tolist()
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert seeding.kmeans_pp(points.Vectors(mapped), 100, stream(5, 1, "select"))[0].tolist() == rows.tolist()


def test_values_are_the_squared_distances_to_the_picks_before() -> None:
    x = stream(2, 0, "oracle").normal(size=(400, 5)) + 1e6  # coordinates about the mean: squares of 1e6 would leave four digits
    rows, values = seeding.kmeans_pp(points.Vectors(x), 60, stream(0, 1, "select"))
    for place in range(1, 60):
        assert values[place] == pytest.approx(((x[rows[:place]] - x[rows[place]]) ** 2).sum(axis=1).min(), rel=1e-6)


def test_few_passes_are_made_and_only_the_first_is_needed_when_nothing_is_refused() -> None:
    x = stream(2, 0, "oracle").normal(size=(20_000, 8))
    with budget.limit() as spent:
        seeding.kmeans_pp(points.Vectors(x), 300, stream(0, 1, "select"))
    assert spent.passes < 12


def test_proposals_are_the_inverse_of_the_sum_of_the_weights_over_several_blocks() -> None:
    n, rng = 2 * seeding.SUMS + 400, stream(7, 0, "oracle")
    draw = seeding._Draw(points.Vectors(rng.normal(size=(n, 2))), 5, rng, budget.Budget())
    counts = rng.integers(0, 4, size=n)
    counts[-3:] = 0
    draw.weights = counts.astype(np.float64)
    draw.sums = np.cumsum(np.add.reduceat(draw.weights, np.arange(0, n, seeding.SUMS)))
    every = (np.arange(counts.sum()) + 0.5) / counts.sum()
    assert draw._proposed(every).tolist() == np.repeat(np.arange(n), counts).tolist()
    assert draw._proposed(np.array([1.0])).tolist() == [np.flatnonzero(counts)[-1]], "rounding may leave all of the weight"


def test_distinct_points_come_before_their_duplicates_then_the_rest_at_random() -> None:
    x = np.repeat(stream(1, 0, "oracle").normal(size=(30, 3)), 40, axis=0).astype(np.float32)
    rows, values = seeding.kmeans_pp(points.Vectors(x), 1200, stream(0, 1, "select"))
    assert sorted(rows[:30] // 40) == list(range(30)) and (values[:30] > 0).all() and (values[30:] == 0).all()
    assert sorted(rows.tolist()) == list(range(1200))
    assert rows[30:].tolist() != sorted(rows[30:].tolist())


@pytest.mark.parametrize("k", [0, 1, 8, 9])
def test_certain_networks_still_get_distinct_rows(k: int) -> None:
    a, h = np.zeros((8, 3)), np.ones((8, 2))
    rows, values = seeding.kmeans_pp(points.Outer(a, h), k, stream(0, 1, "select"))
    assert len(set(rows.tolist())) == len(rows) == min(k, 8) and (values == 0).all()
    assert k == 0 or rows[0] == 0


def test_every_row_is_equally_likely_to_fill() -> None:
    counts, same = np.zeros(6), points.Vectors(np.ones((6, 2)))
    rng = stream(0, 1, "select")
    for _ in range(300):
        counts[seeding.kmeans_pp(same, 2, rng)[0][1]] += 1
    assert counts[0] == 0 and (abs(counts[1:] - 60) < 5 * (300 * 0.2 * 0.8) ** 0.5).all()


def test_a_stopped_selection_goes_on_with_the_same_draws() -> None:
    x = stream(2, 0, "oracle").normal(size=(2000, 6))
    whole = seeding.kmeans_pp(points.Vectors(x), 700, stream(5, 1, "select"))[0]
    states: list[budget.State] = []

    def stop(done: int, _of: int) -> None:
        if done > 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), budget.limit(report=stop, save=states.append):
        seeding.kmeans_pp(points.Vectors(x), 700, stream(5, 1, "select"))
    assert 0 < len(states[-1].picks) < 700
    with budget.limit(resume=states[-1]):
        assert seeding.kmeans_pp(points.Vectors(x), 700, stream(99, 1, "select"))[0].tolist() == whole.tolist()


def test_distances_of_points_are_those_of_the_coordinates() -> None:
    for pool, table in (vector_points(), gradient_points()):
        everything = pool.take(slice(None))
        np.testing.assert_allclose(pool.between(everything, everything), table, atol=1e-6)
        np.testing.assert_allclose(pool.distances_to(2), table[2], atol=1e-6)
    pool, _ = gradient_points()
    assert pool.width() == sum(part.nbytes for part in pool.take(slice(0, 1))[:2])
    full = np.einsum("nc,nd->ncd", pool.a, pool.h).reshape(6, -1)
    np.testing.assert_allclose(pool.to_mean(), ((full - full.mean(axis=0)) ** 2).sum(axis=1), atol=1e-6)
