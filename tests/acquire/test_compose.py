"""The grammar of methods: score, embedding, selector, prefilter; and the rule of `auto`."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec

import numpy as np
import pytest

from querist.acquire.auto import Auto
from querist.acquire.compose import Compose, Random, Subview
from querist.acquire.embeddings import Features, Gradients
from querist.acquire.scores import BALD, Entropy, Margin
from querist.acquire.selectors import KCenter, KMeansPP, TopK
from querist.core.errors import StatisticError, UsageError
from querist.core.rng import stream
from querist.testing.fake_view import FakeView

pytestmark = pytest.mark.torchless


def rng(seed: int = 0) -> np.random.Generator:
    return stream(seed, 1, "select")


def test_needs_are_those_of_the_parts() -> None:
    assert Compose(score=Margin(), embed=Features(), selector=KCenter(), prefilter=3).needs == {"probs", "features"}
    assert Compose(embed=Gradients(), selector=KMeansPP()).needs == {"gradients"} and Random().needs == set()


def test_top_k_is_the_sorted_score() -> None:
    view = FakeView.random()
    scores = Entropy()(view)
    chosen = Compose(score=Entropy()).select(view, 7, rng())
    assert list(chosen.ids) == [view.candidates[row] for row in np.argsort(-scores, kind="stable")[:7]]
    assert list(chosen.scores) == sorted(scores, reverse=True)[:7] and all(note.startswith("score ") for note in chosen.note)


def test_ties_go_to_the_first_in_canonical_order() -> None:
    view = FakeView.random()
    same = view.filled("probs", np.full_like(view.stat("probs"), 1 / 3))
    assert Compose(score=Margin()).select(same, 5, rng()).ids == tuple(view.candidates[:5])


def test_a_prefilter_keeps_the_best_and_changes_nothing_when_it_is_wide() -> None:
    view = FakeView.random()
    narrow, wide, bare = (Compose(score=Margin(), embed=Features(), selector=KCenter(), prefilter=width) for width in (2, 100, 0))
    best = {view.candidates[row] for row in np.argsort(-Margin()(view), kind="stable")[:10]}
    assert set(narrow.select(view, 5, rng()).ids) <= best
    assert wide.select(view, 5, rng()) == bare.select(view, 5, rng())
    assert set(bare.select(view, 5, rng()).ids) - best, "else this test shows nothing"


def test_a_subview_takes_rows_of_the_candidates_only() -> None:
    view = FakeView.random()
    part = Subview(view, np.array([1, 4]))
    assert list(part.candidates) == [view.candidates[1], view.candidates[4]]
    np.testing.assert_array_equal(part.stat("features"), view.stat("features")[[1, 4]])
    np.testing.assert_array_equal(part.stat("gradients")[0], view.stat("gradients")[0][[1, 4]])
    np.testing.assert_array_equal(part.stat("features", "labelled"), view.stat("features", "labelled"))


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (Compose(), "TopK needs a score"),
        (Compose(selector=KCenter()), "KCenter needs an embedding"),
        (Compose(selector=KMeansPP()), "KMeansPP needs an embedding"),
        (Compose(embed=Features(), selector=KCenter(), prefilter=2), "prefilter needs a score"),
    ],
)
def test_half_a_method_is_refused(broken: Compose, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        broken.select(FakeView.random(), 3, rng())


def test_nothing_to_choose() -> None:
    view = FakeView.random().take(np.arange(0))
    for acquisition in (Compose(score=Margin()), Random()):
        assert len(acquisition.select(view, 5, rng())) == 0


def test_random_draws_every_item_equally_often() -> None:
    view = FakeView.random(n=10)
    counts = dict.fromkeys(view.candidates, 0)
    for seed in range(600):
        for item in Random().select(view, 3, rng(seed)).ids:
            counts[item] += 1
    assert all(abs(count - 180) < 5 * (600 * 0.3 * 0.7) ** 0.5 for count in counts.values())


def test_k_center_goes_far_from_all_that_is_covered() -> None:
    points = np.array([[0.0], [1.0], [10.0], [20.0], [31.0]], dtype=np.float32)
    rows = {"candidates": np.array([1, 2, 3]), "labelled": np.array([0]), "pending": np.array([4])}
    view = FakeView.of(["a", "b", "c", "d", "e"], rows, points, np.full((5, 1, 3), 1 / 3, dtype=np.float32), [0])
    chosen = Compose(embed=Features(), selector=KCenter()).select(view, 3, rng())
    assert chosen.ids[0] == "d" and chosen.scores[0] == pytest.approx(11.0)
    assert chosen.ids[1:] == ("c", "b"), "10 from the label, 10 from the pick; then 1"
    assert list(chosen.scores) == sorted(chosen.scores, reverse=True)


def test_bald_needs_samples_that_disagree() -> None:
    sure, torn = [[0.9, 0.05, 0.05]] * 2, [[0.9, 0.05, 0.05], [0.05, 0.9, 0.05]]
    view = FakeView(["agree", "disagree"], stats={"candidates": {"probs": np.array([sure, torn], dtype=np.float32)}})
    chosen = Compose(score=BALD()).select(view, 2, rng())
    assert chosen.ids == ("disagree", "agree") and chosen.scores[1] == pytest.approx(0.0, abs=1e-6) and chosen.scores[0] > 0.3


def test_scores_of_another_model_that_are_nan_name_the_item() -> None:
    view = FakeView.random()
    probs = view.stat("probs").copy()
    probs[3] = np.nan
    with pytest.raises(StatisticError, match=view.candidates[3]):
        Compose(score=Margin()).select(view.filled("probs", probs), 3, rng())


NEEDS_SCIPY = pytest.mark.skipif(find_spec("scipy") is None, reason="needs scipy")


def seen(classes: int, per_class: int, n: int = 400) -> FakeView:
    """A view in which so many of three classes have so many labels."""
    labels = [position for position in range(classes) for _ in range(per_class)]
    return dataclasses.replace(FakeView.random(n=n, labelled=len(labels)), labels=labels)


@pytest.mark.parametrize(
    ("view", "k", "branch"),
    [
        (seen(2, 9), 5, "maxherding"), (seen(3, 3), 5, "maxherding"), (seen(3, 4), 5, "bait_top2"), (seen(3, 10), 8, "margin"), (seen(3, 10), 9, "badge"),
        (seen(3, 20, n=40), 4, "badge"), pytest.param(seen(3, 20, n=40), 5, "cluster_margin", marks=NEEDS_SCIPY), (seen(0, 0), 1, "maxherding"),
    ],
)  # fmt: skip
def test_auto_follows_its_published_rule(view: FakeView, k: int, branch: str) -> None:
    name, acquisition, reason = Auto().branch(view, k)
    assert name == branch
    chosen = Auto().select(view, k, rng())
    assert chosen.ids == acquisition.select(view, k, rng()).ids
    assert all(note.startswith(f"auto → {branch} ({reason}") for note in chosen.note)


def test_the_default_selector_is_top_k() -> None:
    assert Compose(score=Margin()).selector == TopK()
