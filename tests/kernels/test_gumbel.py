"""Drawing without replacement by Gumbel noise: probabilities by enumeration, limits, zeros."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels.ranking import gumbel_top_k, tie_broken, top_k

pytestmark = pytest.mark.torchless

W = np.array([0.5, 0.3, 0.15, 0.05])


def pairs(draws: int, weights: np.ndarray) -> dict[tuple[int, ...], int]:
    rng = stream(0, 1, "select")
    counts: dict[tuple[int, ...], int] = dict.fromkeys(itertools.permutations(range(len(weights)), 2), 0)
    for _ in range(draws):
        counts[tuple(gumbel_top_k(weights, 2, rng)[0].tolist())] += 1
    return counts


def test_first_two_draws_follow_the_weights() -> None:
    chisquare = pytest.importorskip("scipy.stats").chisquare
    counts = pairs(20_000, np.log(W))
    wanted = {(i, j): W[i] * W[j] / (1 - W[i]) for i, j in counts}
    assert wanted[0, 1] == pytest.approx(0.3) and wanted[1, 0] == pytest.approx(0.214286, abs=1e-6) and wanted[2, 3] == pytest.approx(0.008824, abs=1e-6)
    assert chisquare([counts[pair] for pair in counts], [20_000 * wanted[pair] for pair in counts]).pvalue > 1e-4


def test_equal_weights_draw_uniformly() -> None:
    chisquare = pytest.importorskip("scipy.stats").chisquare
    assert chisquare(list(pairs(6_000, np.zeros(4)).values())).pvalue > 1e-4


def test_large_weights_are_a_top_k() -> None:
    scores = stream(1, 0, "oracle").random(50)
    assert gumbel_top_k(1e9 * scores, 12, stream(0, 1, "select"))[0].tolist() == top_k(scores, 12).tolist()


def test_rows_without_weight_come_last_in_random_order() -> None:
    weights = np.array([-np.inf, 0.0, -np.inf, -50.0, -np.inf])
    orders = [gumbel_top_k(weights, 5, stream(seed, 1, "select"))[0].tolist() for seed in range(40)]
    assert all(set(order[:2]) == {1, 3} for order in orders)
    assert len({tuple(order[2:]) for order in orders}) == 6
    one = [gumbel_top_k(np.array([-np.inf, 0.0]), 2, stream(seed, 1, "select")) for seed in range(40)]
    assert all(rows.tolist() == [1, 0] and keys[0] == pytest.approx(keys[1] - 1) for rows, keys in one), "a row alone is one below, however its noise fell"
    nothing = [gumbel_top_k(np.full(4, -np.inf), 4, stream(seed, 1, "select"))[0].tolist() for seed in range(20)]
    assert len({tuple(order) for order in nothing}) > 5


def test_the_first_of_many_are_the_few() -> None:
    weights = stream(2, 0, "oracle").normal(size=100)
    many, few = (gumbel_top_k(weights, k, stream(0, 1, "select"))[0].tolist() for k in (60, 7))
    assert many[:7] == few and len(set(many)) == 60
    assert len(gumbel_top_k(weights[:3], 10, stream(0, 1, "select"))[0]) == 3


def test_ties_follow_the_second_score_and_nothing_else_moves() -> None:
    scores, second = np.array([0.5, 0.75, 0.5, 0.0]), np.array([0.1, 0.0, 0.9, 1.0])
    assert np.argsort(-tie_broken(scores, second, 1.0)).tolist() == [1, 2, 0, 3]
    assert np.abs(tie_broken(scores, second, 1.0) - scores).max() <= 1e-6


@pytest.mark.parametrize("k", [1, 7, 100, 1000])
def test_the_guessed_threshold_never_changes_the_best(k: int) -> None:
    """Scores whose sample misleads: constant, periodic with the sample's step, sorted either way."""
    n = 9000
    rng = stream(0, 0, "oracle")
    for scores in (rng.random(n), np.zeros(n), (np.arange(n) % 64 == 0) * 1.0, (np.arange(n) % 64) * 1.0, np.arange(n) * 1.0, -np.arange(n) * 1.0):
        assert top_k(scores, k).tolist() == np.lexsort((np.arange(n), -scores))[:k].tolist()
