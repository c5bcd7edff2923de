"""EGL and EGL-word as acquisitions; the mixture with entropy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.model_change import GradientLength, WordChange
from querist.acquire.scores import Entropy
from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.kernels.expected_change import expected_gradient_length
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def test_egl_is_its_kernel_over_the_mean_of_the_samples() -> None:
    view = FakeView.random()
    for squared in (False, True):
        wanted = expected_gradient_length(view.stat("probs").mean(axis=1), view.stat("features"), squared=squared)
        np.testing.assert_allclose(GradientLength(squared)(view), wanted, rtol=1e-5)
    assert not np.array_equal(GradientLength(bias=False)(view), GradientLength()(view))


def test_words_alone_are_a_top_k() -> None:
    view = FakeView.random()
    chosen = WordChange().select(view, 6, stream(0, 1, "select"))
    assert list(chosen.ids) == [view.candidates[row] for row in np.argsort(-view.stat("word_gradient"), kind="stable")[:6]]
    assert WordChange().needs == {"word_gradient"} and WordChange(rounds=5).needs == {"word_gradient", "probs"}


def test_entropy_takes_over_with_the_rounds() -> None:
    mixture = WordChange(rounds=10)
    means = [float(np.mean([mixture.part(number, stream(seed, number, "select")) for seed in range(400)])) for number in (1, 4, 6, 9, 11, 50)]
    np.testing.assert_allclose(means, [0.99, 0.7, 0.5, 0.2, 0.01, 0.01], atol=0.03)
    assert WordChange().part(3, stream(0, 1, "select")) == 1.0


def test_first_words_at_last_entropy() -> None:
    view = FakeView.random(n=60)
    firm = WordChange(rounds=10, firmness=1e9)
    last = firm.select(dataclasses.replace(view, round=99), 5, stream(0, 1, "select"))
    overlap = set(last.ids) & set(Compose(score=Entropy()).select(view, 5, stream(0, 1, "select")).ids)
    assert len(overlap) >= 4, "a hundredth is left for the words"
    early = firm.select(view, 5, stream(0, 1, "select"))
    assert len(set(early.ids) & set(WordChange().select(view, 5, stream(0, 1, "select")).ids)) >= 4
    assert "its part 0.99" in early.note[0]


def test_no_words_at_all_leaves_entropy() -> None:
    view = FakeView.random()
    silent = view.filled("word_gradient", np.zeros(40, dtype=np.float32))
    chosen = WordChange(rounds=4).select(dataclasses.replace(silent, round=2), 5, stream(0, 1, "select"))
    assert chosen.ids == Compose(score=Entropy()).select(view, 5, stream(0, 1, "select")).ids


def test_refusals() -> None:
    for wrong in (WordChange(rounds=-1), WordChange(rounds=3, firmness=0.0)):
        with pytest.raises(UsageError, match="mixture"):
            wrong.select(FakeView.random(), 3, stream(0, 1, "select"))
