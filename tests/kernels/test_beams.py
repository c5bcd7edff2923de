"""Diverse beams: against all answers written out, and the promises of the method."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels.beams import Step, diverse_beams, hamming

pytestmark = pytest.mark.torchless

V, T = 4, 3


def model(seed: int) -> Step:
    """Log-probabilities that depend on the word before and on the place."""
    logits = 2 * stream(seed, 0, "oracle").normal(size=(T, V + 1, V))
    logs = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))

    def step(prefixes: np.ndarray) -> np.ndarray:
        place = prefixes.shape[1]
        return logs[place, prefixes[:, -1] if place else np.full(len(prefixes), V)]

    return step


def logprob(step: Step, words: tuple[int, ...]) -> float:
    return float(sum(step(np.array([words[:place]], dtype=np.int64).reshape(1, place))[0, word] for place, word in enumerate(words)))


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_the_best_answers(seed: int) -> None:
    step = model(seed)
    found = diverse_beams(step, T, groups=1, width=V**T)
    scores = {words: logprob(step, words) for words in itertools.product(range(V), repeat=T)}
    assert [tuple(row) for row in found.words.tolist()] == sorted(scores, key=lambda words: -scores[words])
    np.testing.assert_allclose(found.logprob, sorted(scores.values(), reverse=True), atol=1e-12)
    assert np.exp(found.logprob).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(5))
def test_the_first_group_is_plain_search_and_without_penalty_all_are(seed: int) -> None:
    step = model(seed)
    plain = diverse_beams(step, T, groups=1, width=2)
    for penalty in (0.0, 3.0):
        found = diverse_beams(step, T, groups=3, width=2, penalty=penalty)
        np.testing.assert_array_equal(found.words[:2], plain.words)
        assert found.words.shape == (6, T)
    np.testing.assert_array_equal(diverse_beams(step, T, groups=3, width=2, penalty=0.0).words, np.tile(plain.words, (3, 1)))


def test_log_probabilities_are_the_models_own() -> None:
    step = model(1)
    found = diverse_beams(step, T, groups=4, penalty=2.0)
    np.testing.assert_allclose(found.logprob, [logprob(step, tuple(row)) for row in found.words.tolist()])


def test_a_large_penalty_takes_another_word_at_every_place() -> None:
    found = diverse_beams(model(2), T, groups=V, penalty=1e6)
    assert all(len(set(column)) == V for column in found.words.T.tolist()) and hamming(found.words) == 1.0


def test_diverse_answers_differ_more_than_the_best_ones() -> None:
    apart = [hamming(diverse_beams(model(seed), T, groups=5, penalty=1.0).words) for seed in range(30)]
    plain = [hamming(diverse_beams(model(seed), T, groups=1, width=5).words) for seed in range(30)]
    assert np.mean(apart) > np.mean(plain) + 0.1


def test_distance_by_hand() -> None:
    assert hamming(np.array([[1, 2], [1, 3], [4, 3]])) == pytest.approx((0.5 + 1.0 + 0.5) / 3)
    assert hamming(np.array([[1, 2]])) == 0.0
