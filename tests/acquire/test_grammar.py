"""The grammar: prefilter, errors, and the uniform baseline."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from querist.acquire.compose import Compose, Random
from querist.acquire.embeddings import Features
from querist.acquire.scores import Margin
from querist.acquire.selectors import KCenter, KMeansPP, TopK
from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def test_random_is_uniform() -> None:
    chisquare = pytest.importorskip("scipy.stats").chisquare

    view = FakeView.random(n=10)
    rng = stream(0, 1, "select")
    counts = Counter(Random().select(view, 1, rng).ids[0] for _ in range(3000))
    assert chisquare([counts[item] for item in view.candidates]).pvalue > 1e-4


def test_prefilter_of_one_is_the_score_alone() -> None:
    view = FakeView.random()
    filtered = Compose(score=Margin(), embed=Features(), selector=KCenter(), prefilter=1).select(view, 6, stream(0, 1, "select"))
    assert set(filtered.ids) == set(Compose(score=Margin()).select(view, 6, stream(0, 1, "select")).ids)


def test_prefilter_keeps_the_best_scores_and_lets_the_selector_choose_among_them() -> None:
    view = FakeView.random(n=200)
    wide = Compose(score=Margin(), embed=Features(), selector=KMeansPP(), prefilter=4).select(view, 5, stream(0, 1, "select"))
    assert set(wide.ids) <= set(Compose(score=Margin()).select(view, 20, stream(0, 1, "select")).ids)


@pytest.mark.parametrize(
    "broken", [Compose(selector=TopK()), Compose(score=Margin(), selector=KCenter()), Compose(embed=Features(), selector=KMeansPP(), prefilter=3)]
)
def test_a_composition_that_lacks_a_part_says_which(broken: Compose) -> None:
    with pytest.raises(UsageError, match="needs a"):
        broken.select(FakeView.random(), 3, stream(0, 1, "select"))


def test_core_set_covers_labelled_and_pending() -> None:
    view = FakeView.random(n=30)
    view.stats["pending"]["features"] = view.stats["candidates"]["features"][:2].copy()
    chosen = Compose(embed=Features(), selector=KCenter()).select(view, 30, stream(0, 1, "select"))
    assert set(chosen.ids[-2:]) >= {view.candidates[0]} or chosen.scores[-1] == pytest.approx(0.0, abs=1e-5)
    assert np.all(np.diff(chosen.scores) <= 1e-6)
