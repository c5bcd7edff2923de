"""Score prediction over ready-made sites."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from querist.acquire.score_prediction import ScorePrediction
from querist.core.sites import Sites
from querist.testing.fake_view import FakeView

pytestmark = pytest.mark.torchless


class Folding:
    """A view of ready-made sites."""

    def __init__(self, said: Sites) -> None:
        self.said = said

    def fold(self, name: str, fn: Any, of: str = "candidates", places: Any = None) -> np.ndarray:
        assert name == "sites"
        return np.asarray(fn(self.said))


SAID = Sites(
    np.array([0, 1, 1, 3]),
    probs=np.array([[[0.9, 0.1]], [[0.9, 0.1]], [[0.1, 0.9]]]),
    extra={"score": np.array([0.9, 0.9, 0.9]), "box_iou": np.array([0.8, 0.8, 1.0]), "mask_iou": np.array([0.5, 0.5, 1.0])},
)


def test_the_fixture_of_three_scores() -> None:
    """Of the worked example: .9 · .8 · .5 = .36, and an image of .36 and .9 has .63."""
    np.testing.assert_allclose(ScorePrediction()(Folding(SAID)), [1 - 0.36, 1.0, 1 - 0.63])  # type: ignore[arg-type]
    np.testing.assert_allclose(ScorePrediction(by="min")(Folding(SAID)), [1 - 0.36, 1.0, 1 - 0.36])  # type: ignore[arg-type]
    assert ScorePrediction(empty=0.0)(Folding(SAID))[1] == 0.0  # type: ignore[arg-type]


def test_without_expected_overlaps_it_is_least_confidence() -> None:
    view = FakeView.random()
    np.testing.assert_allclose(ScorePrediction()(view), 1 - view.stat("probs").mean(axis=1).max(axis=1), rtol=1e-4)
