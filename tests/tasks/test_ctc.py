"""Texts read off a row of steps: against all paths written out, and the measures."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.tasks.sequence.ctc import PADDING, best_of, log_probability, read, room
from querist.tasks.sequence.measures import distance, text_scores

T, V = 4, 3


def scores(n: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(2 * stream(seed, 0, "oracle").normal(size=(n, T, V)))


def spelled(path: tuple[int, ...]) -> tuple[int, ...]:
    """A path as it is read."""
    return tuple(sign for sign, _ in itertools.groupby(path) if sign != 0)


def all_texts(output: torch.Tensor) -> dict[tuple[int, ...], float]:
    """Every text with its probability, by all paths."""
    probs = torch.softmax(output, dim=-1).numpy()
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(V), repeat=T):
        found[spelled(path)] = found.get(spelled(path), 0.0) + float(np.prod([probs[step, sign] for step, sign in enumerate(path)]))
    return found


def padded(texts: list[tuple[int, ...]], length: int = T) -> torch.Tensor:
    return torch.tensor([[*text, *[PADDING] * (length - len(text))] for text in texts])


@pytest.mark.parametrize("seed", range(3))
def test_the_probability_of_a_text_is_that_of_all_its_paths(seed: int) -> None:
    output = scores(1, seed)
    by_hand = all_texts(output[0])
    assert sum(by_hand.values()) == pytest.approx(1.0)
    texts = sorted(by_hand)
    said = log_probability(output.expand(len(texts), T, V), padded(texts))
    np.testing.assert_allclose(said.exp().numpy(), [by_hand[text] for text in texts], rtol=1e-6)


def test_what_has_no_room_has_no_chance() -> None:
    assert float(log_probability(scores(1), padded([(1, 1, 1)], 5))) == -np.inf, "three of the same need five steps"
    assert room("aab") == 4 and room((1, 1, 1)) == 5 and room("") == 0


def test_the_likeliest_of_several_answers_counts() -> None:
    output = scores(3, 5)
    answers = torch.stack([padded([(1,), (1, 2)]), padded([(2, 1), ()]), padded([(), ()])])
    alone = [log_probability(output[:1], padded([(1,)])), log_probability(output[:1], padded([(1, 2)]))]
    said = best_of(output, answers)
    assert float(said[0]) == pytest.approx(float(max(alone)))
    assert float(said[1]) == pytest.approx(float(log_probability(output[1:2], padded([(2, 1)]))))
    assert float(said[2]) == -np.inf, "no answers, no chance"


def test_best_paths_are_read() -> None:
    paths = [(1, 1, 0, 1), (0, 2, 2, 1), (0, 0, 0, 0), (2, 0, 2, 2)]
    output = 5.0 * torch.nn.functional.one_hot(torch.tensor(paths), V).float()
    assert read(output).tolist() == [[1, 1, -1, -1], [2, 1, -1, -1], [-1] * 4, [2, 2, -1, -1]]
    drawn = scores(50, 9)
    assert [tuple(sign for sign in row if sign != PADDING) for row in read(drawn).tolist()] == [spelled(tuple(path)) for path in drawn.argmax(-1).tolist()]


def naive(one: str, other: str) -> int:
    """The definition, without a table."""
    if not one or not other:
        return len(one) + len(other)
    return min(naive(one[1:], other) + 1, naive(one, other[1:]) + 1, naive(one[1:], other[1:]) + (one[0] != other[0]))


@given(st.text("abc", max_size=5), st.text("abc", max_size=5))
def test_distances_are_those_of_the_definition(one: str, other: str) -> None:
    assert distance(one, other) == naive(one, other) == distance(other, one)


def test_scores_by_hand() -> None:
    said = text_scores([("kitten", ["sitting", "kitten"]), ("abd", ["abcd", "xyz"]), ("", ["ab"]), ("x", [])])
    assert said == {"exact": pytest.approx(1 / 3), "character_error_rate": pytest.approx((0 + 1 + 2) / (6 + 4 + 2))}
    assert text_scores([("x", [])]) == {}
