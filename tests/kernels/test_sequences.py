"""Sequences: sure per token or as a whole, and samples that decode differently."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import sequences
from querist.kernels.information import variation_ratio
from querist.kernels.spacing import until_spent

pytestmark = pytest.mark.torchless


def test_length_norm_fixture() -> None:
    logprob, lengths = np.array([-0.3, -0.2]), np.array([3, 1])
    assert sequences.least_confident(logprob).argmax() == 0
    assert sequences.mnlp(logprob, lengths).argmax() == 1
    np.testing.assert_allclose(sequences.mnlp(logprob, lengths), [0.1, 0.2])
    np.testing.assert_allclose(sequences.least_confident(logprob), 1 - np.exp([-0.3, -0.2]))


def test_a_sentence_twice_is_as_sure_per_word() -> None:
    assert sequences.mnlp(np.array([-0.7, -1.4]), np.array([4, 8])) == pytest.approx([0.175, 0.175])


def test_length_alone_moves_least_confidence_only() -> None:
    lengths = np.array([2, 5, 9])
    logprob = lengths * np.log(0.9)
    assert (np.diff(sequences.least_confident(logprob)) > 0).all()
    np.testing.assert_allclose(sequences.mnlp(logprob, lengths), -np.log(0.9))


def test_a_sentence_without_words_comes_last() -> None:
    scores = sequences.mnlp(np.array([0.0, -1e-9]), np.array([0, 7]))
    assert scores.argmin() == 0 and np.isfinite(scores).all()


def test_two_balds_fixture() -> None:
    tags = np.array([[0, 0, 1, 0], [2, 2, 2, 2]])
    offsets = np.array([0, 2])
    assert sequences.word_disagreement(tags, offsets) == pytest.approx([0.125])
    assert sequences.sequence_disagreement(tags, offsets) == pytest.approx([0.25])


@given(st.integers(0, 10**6))
def test_naive_twins(seed: int) -> None:
    rng = stream(seed, 0, "oracle")
    sizes = rng.integers(0, 4, size=6)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    tags = rng.integers(0, 3, size=(int(sizes.sum()), 5))
    word, whole = sequences.word_disagreement(tags, offsets, -1.0), sequences.sequence_disagreement(tags, offsets, -1.0)
    for item in range(6):
        own = tags[offsets[item] : offsets[item + 1]]
        if not len(own):
            assert word[item] == whole[item] == -1.0
            continue
        one_hot = np.eye(3)[own]
        assert word[item] == pytest.approx(variation_ratio(one_hot).mean())
        said = [tuple(column) for column in own.T.tolist()]
        assert whole[item] == pytest.approx(1 - max(said.count(one) for one in said) / 5)
        assert whole[item] >= variation_ratio(one_hot).max() - 1e-12


def test_budget_in_words_fixture() -> None:
    scores, words = np.array([3.0, 2.0, 1.0]), np.array([5.0, 7.0, 4.0])
    assert until_spent(scores, words, 10.0, 3).tolist() == [0, 1]
    assert until_spent(scores, words, 10.0, 3, strict=True).tolist() == [0, 2]
    assert until_spent(scores, words, 10.0, 1).tolist() == [0]
    assert until_spent(scores, words, 0.0, 3).tolist() == []
    assert until_spent(scores[::-1], words, 4.0, 3).tolist() == [2]
