"""Stochastic batches over any score, and the rows that use them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.scores import BALD, Entropy, Margin
from querist.acquire.selectors import TopK
from querist.acquire.stochastic import MODES, Stochastic
from querist.core import catalogue
from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("score", [Margin(), Entropy(), BALD()])
def test_infinitely_cold_is_the_top_k(mode: str, score: Margin) -> None:
    view = FakeView.random(n=200)
    best = Compose(score=score).select(view, 20, stream(0, 1, "select")).ids
    for beta in (1e9, np.inf):
        assert Compose(score=score, selector=Stochastic(mode, beta)).select(view, 20, stream(0, 1, "select")).ids == best


@pytest.mark.parametrize("mode", MODES)
def test_beta_of_zero_is_uniform(mode: str) -> None:
    chisquare = pytest.importorskip("scipy.stats").chisquare
    scores = np.array([0.0, 0.1, 3.0, 0.2, 0.0, 1.0])
    rng = stream(0, 1, "select")
    counts = Counter(int(Stochastic(mode, 0.0).choose(FakeView([]), scores, None, 1, rng).rows[0]) for _ in range(3000))
    assert chisquare([counts[row] for row in range(6)]).pvalue > 1e-4


@pytest.mark.parametrize(
    ("mode", "beta", "wanted"),
    [("power", 1.0, [1, 2, 4, 1]), ("power", 2.0, [1, 4, 16, 1]), ("softmax", 0.5, np.exp([0.5, 1, 2, 0.5])), ("softrank", 1.0, [1 / 3, 1 / 2, 1, 1 / 4])],
)
def test_the_first_pick_follows_the_weights(mode: str, beta: float, wanted: list[float]) -> None:
    chisquare = pytest.importorskip("scipy.stats").chisquare
    scores, rng = np.array([1.0, 2.0, 4.0, 1.0]), stream(3, 1, "select")
    counts = Counter(int(Stochastic(mode, beta).choose(FakeView([]), scores, None, 1, rng).rows[0]) for _ in range(4000))
    assert chisquare([counts[row] for row in range(4)], 4000 * np.array(wanted) / np.sum(wanted)).pvalue > 1e-4


def test_ranks_do_not_change_under_a_monotone_transform() -> None:
    scores = stream(0, 0, "oracle").random(60)
    plain, bent = (Stochastic("softrank").choose(FakeView([]), s, None, 20, stream(5, 1, "select")).rows.tolist() for s in (scores, np.exp(9 * scores)))
    assert plain == bent


def test_scores_of_zero_and_below_wait_until_the_end() -> None:
    scores = np.array([0.0, 0.2, -1.0, 0.1, 0.0])
    for seed in range(30):
        rows = Stochastic().choose(FakeView([]), scores, None, 5, stream(seed, 1, "select")).rows
        assert set(rows[:2].tolist()) == {1, 3}


def test_power_bald_repairs_what_copies_do_to_bald() -> None:
    """Every candidate five times: the top 10 by BALD are 2 items, the draw is more."""
    view = FakeView.random(n=60, k=8)
    copied = view.take(np.repeat(np.arange(60), 5))
    copied.candidates = [f"item-{row:03d}" for row in range(300)]
    distinct = {
        name: len({int(item[5:]) // 5 for item in catalogue.acquisition(name).select(copied, 10, stream(0, 1, "select")).ids})
        for name in ("bald", "power_bald")
    }
    assert distinct["bald"] == 2 and distinct["power_bald"] >= 8


@pytest.mark.parametrize("broken", [Stochastic("gumbel"), Stochastic(beta=-1.0), Stochastic(beta=float("nan"))])
def test_what_cannot_be_drawn_is_refused(broken: Stochastic) -> None:
    with pytest.raises(UsageError, match="cannot draw"):
        Compose(score=BALD(), selector=broken).select(FakeView.random(), 3, stream(0, 1, "select"))
    with pytest.raises(UsageError, match="needs a score"):
        Compose(selector=Stochastic()).select(FakeView.random(), 3, stream(0, 1, "select"))


def test_every_draw_says_what_it_was() -> None:
    chosen = Compose(score=BALD(), selector=Stochastic()).select(FakeView.random(), 3, stream(0, 1, "select"))
    assert all("power" in why and f"{score:.4g}" in why for why, score in zip(chosen.note, chosen.scores, strict=True))
    assert Compose(score=BALD(), selector=TopK()).select(FakeView.random(), 3, stream(0, 1, "select")).ids != chosen.ids
