"""WAAL's query: a sum of two wishes, each with its own sign."""

from __future__ import annotations

import numpy as np
import pytest

from querist.acquire.adversarial import UnsureAndUnlike
from querist.core import catalogue
from querist.core.rng import stream
from querist.kernels.adversarial import sureness
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def test_the_score_is_the_critics_value_less_how_sure_the_network_is() -> None:
    view = FakeView.random()
    expected = 3.0 * view.stat("critic").astype(np.float64) - sureness(view.stat("probs"))
    np.testing.assert_allclose(UnsureAndUnlike(3.0)(view), expected)


def test_of_two_alike_the_one_unlike_the_labelled_and_of_two_as_far_the_unsure_one() -> None:
    view = FakeView.random(n=3)
    sure, unsure = np.array([[0.98, 0.01, 0.01]]), np.array([[0.4, 0.3, 0.3]])
    view = view.filled("probs", np.stack([sure, unsure, unsure])).filled("critic", np.array([0.5, 0.5, 2.0], dtype=np.float32))
    chosen = catalogue.acquisition("waal").select(view, 3, stream(0, 0, "select"))
    assert list(chosen.ids) == [view.candidates[row] for row in (2, 1, 0)]
