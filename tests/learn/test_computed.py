"""Statistics that need the model: who offers them, which rows are computed, and that asking leaves no trace."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learn_parts import CLASSES, clouds, ids, job, label
from learn_short import SHORT

from querist.acquire.compose import Subview
from querist.core import catalogue
from querist.core.contracts import no_report
from querist.core.errors import CapabilityError
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.data.tables import TablePool
from querist.learn.encoded import EncodedInputs
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.runtime import LearnerRuntime
from querist.learn.selecting import Later
from querist.learn.statistics import head_samples
from querist.learn.statistics.question import Question
from querist.learn.statistics.registry import COMPUTED, LAZY, ON_DEMAND, compute, offered
from querist.learn.view import FittedView
from querist.nets.base import MLP
from querist.nets.cnn import SmallCNN
from querist.nets.detector import SmallDetector
from querist.nets.encoders import Tokens
from querist.nets.text_cnn import TextCNN
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

INPUTS = ArrayInputs(ArrayPool(clouds()))
HEAD = ClassificationHead.of(new_space("classification", CLASSES).schema())
LABELLED = {item: label(item) for item in ids(0, 12)}
OWN = sorted(set(COMPUTED) - {"word_gradient", "box_views"})


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return Learner(MLP(hidden=(8,)), SHORT).fit(INPUTS, HEAD, LABELLED, Streams(0, 1), None, no_report)


class Watched:
    """The view of a fitted learner that remembers what was computed."""

    def __init__(self, fitted: Fitted, candidates: Sequence[str]) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []

        def answer(name: str, question: Question) -> Any:
            self.asked.append((name, tuple(question.ids)))
            return compute(name, fitted, question)

        self.view = FittedView(
            candidates, list(LABELLED), ids(42, 44), HEAD.targets(LABELLED).tolist(), 3, fitted.score, Learner().provides, compute=answer
        )  # fmt: skip


def test_networks_offer_what_they_can_give() -> None:
    assert offered(SmallCNN()) == set(OWN) and offered(TextCNN()) == {*OWN, "word_gradient"} and offered(SmallDetector()) == {*OWN, "box_views"}
    assert Learner(TextCNN()).provides == {"probs", "features", "gradients", "word_gradient", *OWN} and set(COMPUTED) > LAZY


def test_nothing_is_computed_before_it_is_asked_for_and_nothing_twice(fitted: Fitted) -> None:
    watched = Watched(fitted, ids(12, 42))
    watched.view.stat("probs")
    assert watched.asked == []
    whole = watched.view.stat("mix_flip")
    assert whole.shape == (30,) and whole.dtype == np.float32 and watched.view.stat("mix_flip") is not None
    assert watched.asked == [("mix_flip", tuple(ids(12, 42)))]


def test_a_subview_computes_its_rows_only_and_what_is_there_is_kept(fitted: Fitted) -> None:
    watched = Watched(fitted, ids(12, 42))
    some = Subview(watched.view, np.array([3, 5, 8]))
    first = some.stat("boundary_distance")
    fewer = Subview(some, np.array([2, 0])).stat("boundary_distance")
    np.testing.assert_array_equal(fewer, first[[2, 0]])
    more = Subview(watched.view, np.array([5, 9])).stat("boundary_distance")
    assert more[0] == first[1]
    assert watched.asked == [("boundary_distance", ("15", "17", "20")), ("boundary_distance", ("21",))]
    whole = watched.view.stat("boundary_distance")
    np.testing.assert_array_equal(whole[[3, 5, 8]], first)
    assert len(watched.asked[-1][1]) == 26


def test_later_asks_for_what_remains_only(fitted: Fitted) -> None:
    watched = Watched(fitted, ids(12, 42))
    later = Later(watched.view, ids(12, 40))
    assert later.stat("boundary_distance").shape == (2,) and watched.asked[-1][1] == ("40", "41")
    assert later.part("features", np.array([1])).shape == (1, 8)
    np.testing.assert_array_equal(later.part("features", np.array([0, 29]), "pending"), later.stat("features", "pending")[[0, 29]])
    assert Subview(later, np.array([1])).stat("boundary_distance") == later.stat("boundary_distance")[1]


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("of", ["labelled", "pending"])
def test_every_group_has_them(fitted: Fitted, name: str, of: str) -> None:
    value = Watched(fitted, ids(12, 15)).view.stat(name, of)
    assert len(value) == {"labelled": 12, "pending": 2}[of] and np.isfinite(value).all()


@pytest.mark.parametrize("name", OWN)
def test_no_candidates_no_rows(fitted: Fitted, name: str) -> None:
    assert len(Watched(fitted, []).view.stat(name)) == 0


@pytest.mark.parametrize("name", OWN)
def test_a_row_depends_on_its_item_alone(fitted: Fitted, name: str) -> None:
    whole = Watched(fitted, ids(12, 42)).view.stat(name)
    some = Watched(fitted, ["30", "14"]).view.stat(name)
    np.testing.assert_allclose(some, whole[[18, 2]], rtol=1e-4)


@pytest.mark.parametrize("name", OWN)
def test_asking_leaves_no_trace(fitted: Fitted, name: str) -> None:
    slopes = [None if parameter.grad is None else parameter.grad.clone() for parameter in fitted.networks[0].parameters()]  # training left some
    before, drawn, state = fitted.hash(), torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    Watched(fitted, ids(12, 42)).view.stat(name)
    assert fitted.hash() == before and torch.equal(torch.get_rng_state(), drawn)
    assert (np.random.get_state()[1] == state).all()  # type: ignore[index]  # noqa: NPY002
    assert all(
        old is parameter.grad is None or torch.equal(old, parameter.grad)  # type: ignore[arg-type]
        for old, parameter in zip(slopes, fitted.networks[0].parameters(), strict=True)
    )


def test_a_view_without_a_model_refuses(fitted: Fitted) -> None:
    view = FittedView(["1"], [], [], [], 3, fitted.score, Learner().provides)
    with pytest.raises(CapabilityError, match="'mix_flip'"):
        view.stat("mix_flip")
    with pytest.raises(CapabilityError, match="'word_gradient'"):
        Watched(fitted, ["1"]).view.part("word_gradient", np.array([0]))


def test_head_samples_are_dropout_of_the_features(fitted: Fitted) -> None:
    view = Watched(fitted, ids(12, 42)).view
    samples, features, last = view.stat("head_samples"), view.stat("features"), fitted.networks[0].last
    assert samples.shape == (30, head_samples.SAMPLES, 3)
    np.testing.assert_allclose(samples.sum(axis=2), 1.0, rtol=1e-5)
    root = int(fitted.streams("dropout").integers(2**63))
    masks = np.stack([head_samples._drawn(root, item, 8) for item in ids(12, 42)])
    assert set(np.unique(masks).tolist()) == {0.0, 4.0} and 0.65 < (masks == 0).mean() < 0.85
    with torch.no_grad():
        wanted = torch.softmax(last(torch.from_numpy(features[:, None] * masks)), dim=2).numpy()
    np.testing.assert_allclose(samples, wanted, atol=1e-5)
    assert not np.array_equal(masks[0], masks[1]) and not np.array_equal(masks[0, 0], masks[0, 1]), "an item's own, and another in each pass"


def test_a_filtered_method_attacks_what_the_filter_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a whole round: neither the runtime nor the reserve computes the dear statistic for all candidates."""
    asked: list[str] = []
    original = ON_DEMAND["boundary_distance"]
    monkeypatch.setattr(
        "querist.learn.statistics.registry.ON_DEMAND",
        {**ON_DEMAND, "boundary_distance": lambda fitted, question, done: (asked.extend(question.ids), original(fitted, question, done))[1]},
    )
    method = dataclasses.replace(catalogue.acquisition("dfal"), width=3)
    work = job(tmp_path, batch=2, reserve=2)
    result = LearnerRuntime(INPUTS, INPUTS, Learner(MLP(hidden=(8,)), SHORT), method, 0).train_score_select(work, no_report)
    assert len(result.ranking) == 4 and set(result.ranking.ids) <= set(asked)
    assert 6 <= len(asked) == len(set(asked)) <= 12 < result.scored == 30
    assert list(result.ranking.scores[:2]) == sorted(result.ranking.scores[:2], reverse=True)


@pytest.mark.parametrize("method", ["dfal", "bim", "egl", "alfamix", "dropquery", "glister"])
def test_rounds_run_with_members_and_samples(method: str, tmp_path: Path) -> None:
    from querist.learn.inference.ensemble import Ensemble
    from querist.learn.inference.mc_dropout import MCDropout

    for inference in (Ensemble(2), MCDropout(4)):
        learner = Learner(MLP(hidden=(8,)), SHORT, inference)
        work = job(tmp_path / type(inference).__name__)
        assert len(LearnerRuntime(INPUTS, INPUTS, learner, catalogue.acquisition(method), 0).train_score_select(work, no_report).ranking) == 5


def test_texts_from_a_table_to_a_ranking_by_words(tmp_path: Path) -> None:
    words = ("cat purrs at night", "stocks fell again today", "rain and wind in may")
    (tmp_path / "texts.csv").write_text("id,text\n" + "".join(f"{row},the {words[row % 3]} {row}\n" for row in range(60)), encoding="utf-8")
    inputs = EncodedInputs(TablePool(str(tmp_path / "texts.csv")), Tokens(words=200, length=8), tmp_path / "rows")
    rows = inputs.batch(["0", "3"])
    assert torch.equal(rows, rows.round()) and rows[0, 0] == rows[1, 0] >= 2, "indices are handed on as they are"
    learner = Learner(TextCNN(words=200, width=8, channels=6, widths=(2, 3)), dataclasses.replace(SHORT, rate=0.01))
    for method in ("egl_word", "margin", "dfal"):
        result = LearnerRuntime(inputs, inputs, learner, catalogue.acquisition(method), 0).train_score_select(job(tmp_path / method), no_report)
        assert len(result.ranking) == 5 and result.metrics["accuracy"] > 0.5
