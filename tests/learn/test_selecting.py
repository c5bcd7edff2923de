"""The last step of a round, and outside models: what is asked of an acquisition, and what it may never get wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from learn_parts import ids, job, label

from querist.core import catalogue
from querist.core.errors import CapabilityError, LabelError, StatisticError
from querist.core.records import Selection
from querist.core.rng import stream
from querist.learn.outside import outside_round
from querist.learn.selecting import Later, choose
from querist.testing.fake_view import FakeView

pytestmark = pytest.mark.torchless


@dataclass(frozen=True)
class Says:
    """An acquisition that says what it is told to."""

    ids: tuple[str, ...]
    scores: tuple[float, ...] = ()
    needs: frozenset[str] = frozenset()

    def select(self, view: Any, k: int, rng: np.random.Generator) -> Selection:
        return Selection(self.ids, self.scores or (0.0,) * len(self.ids))


def test_later_is_the_view_after_a_lease() -> None:
    view = FakeView.random(n=20, labelled=3, pending=2)
    leased = [view.candidates[7], view.candidates[2]]
    later = Later(view, leased)
    assert list(later.candidates) == [item for item in view.candidates if item not in leased]
    assert set(later.pending) == {*view.pending, *leased} and later.labelled == view.labelled and later.labels == view.labels
    everything = {item: row for group in ("candidates", "pending") for item, row in zip(getattr(view, group), view.stat("features", group), strict=True)}
    for group in ("candidates", "pending"):
        np.testing.assert_array_equal(later.stat("features", group), [everything[item] for item in getattr(later, group)])
        a, h = later.stat("gradients", group)
        assert len(a) == len(h) == len(getattr(later, group))
    np.testing.assert_array_equal(later.stat("features", "labelled"), view.stat("features", "labelled"))


def test_later_of_a_view_without_pending_items() -> None:
    view = FakeView.random(n=6, labelled=0, pending=0)
    later = Later(view, [view.candidates[5]])
    assert later.stat("probs", "pending").shape[0] == 1 and later.stat("probs").shape[0] == 5


@pytest.mark.parametrize("method", ["coreset", "margin"])
def test_the_reserve_is_what_would_be_asked_next(tmp_path: Any, method: str) -> None:
    view, acquisition = FakeView.random(), catalogue.acquisition(method)
    chosen = choose(acquisition, view, job(tmp_path, batch=4, reserve=6))
    assert chosen.ids[:4] == acquisition.select(view, 4, stream(0, 1, "select")).ids
    assert chosen.ids[4:] == acquisition.select(Later(view, chosen.ids[:4]), 6, stream(0, 1, "select")).ids
    assert len(set(chosen.ids)) == 10


def test_a_reserve_larger_than_what_is_left(tmp_path: Any) -> None:
    assert len(choose(catalogue.acquisition("badge"), FakeView.random(n=9), job(tmp_path, batch=4, reserve=40))) == 9
    assert len(choose(catalogue.acquisition("badge"), FakeView.random(n=4), job(tmp_path, batch=4, reserve=40))) == 4


@pytest.mark.parametrize("wrong", [("x",), ("a", "a"), ("a", "b", "c"), ("a",), ("a", "labelled")])
def test_picks_that_break_the_contract_are_refused(tmp_path: Any, wrong: tuple[str, ...]) -> None:
    with pytest.raises(StatisticError, match="broke its contract"):
        choose(Says(wrong), FakeView(["a", "b", "c"], ["labelled"]), job(tmp_path, batch=2))


def test_scores_that_are_not_finite_are_refused(tmp_path: Any) -> None:
    with pytest.raises(StatisticError, match="not finite"):
        choose(Says(("a", "b"), (1.0, float("nan"))), FakeView(["a", "b", "c"]), job(tmp_path, batch=2))


def probs(n: int) -> np.ndarray:
    """Sure of the label of each item, less so as ids grow."""
    sure = np.linspace(0.95, 0.4, n)[:, None]
    return np.where(np.arange(3)[None] == (np.arange(n) % 3)[:, None], sure, (1 - sure) / 2).astype(np.float32)


def outside(**files: Any) -> dict[str, Any]:
    return {"outside": files}


def test_an_outside_model_is_ranked_evaluated_and_recorded(tmp_path: Any) -> None:
    work = job(tmp_path, **outside(probs=(ids(0, 60)[::-1], probs(60)[::-1])))
    result = outside_round(work, catalogue.acquisition("margin"))
    assert list(result.ranking.ids) == ids(37, 42)[::-1], "the least sure of the candidates"
    assert result.metrics["accuracy"] == 1.0 and result.scored == 30
    assert result.info["learner"] == "outside" and result.info["tested"] == 16 and result.info["statistics"] == ["probs"]


def test_items_without_rows_are_left_out(tmp_path: Any) -> None:
    features = np.arange(40, dtype=np.float32)[:, None]
    result = outside_round(
        job(tmp_path, batch=99, **outside(features=(ids(0, 40), features), probs=(ids(20, 60), probs(60)[20:]))), catalogue.acquisition("margin")
    )
    assert set(result.ranking.ids) == set(ids(20, 40)) and result.metrics == {}


def test_pairs_and_samples_are_taken_by_id(tmp_path: Any) -> None:
    pair = (stream(0, 0, "oracle").normal(size=(60, 3)), stream(1, 0, "oracle").normal(size=(60, 4)))
    order = stream(2, 0, "oracle").permutation(60)
    mixed = ([str(row) for row in order], tuple(part[order] for part in pair))
    first, second = (outside_round(job(tmp_path, **outside(gradients=given)), catalogue.acquisition("badge")) for given in ((ids(0, 60), pair), mixed))
    assert first.ranking == second.ranking and first.metrics == {}
    samples = np.repeat(probs(60)[:, None], 4, axis=1)
    assert outside_round(job(tmp_path, **outside(probs=(ids(0, 60), samples))), catalogue.acquisition("bald")).metrics["accuracy"] == 1.0


def test_refusals_of_outside_models(tmp_path: Any) -> None:
    margin = catalogue.acquisition("margin")
    with pytest.raises(CapabilityError, match="'probs'") as caught:
        outside_round(job(tmp_path, **outside(features=(ids(0, 60), np.ones((60, 2))))), margin)
    assert "--probs" in str(caught.value.hint)
    with pytest.raises(StatisticError, match="do not fit the classes"):
        outside_round(job(tmp_path, **outside(probs=(ids(0, 60), np.full((60, 4), 0.25)))), margin)
    with pytest.raises(StatisticError, match="no item that may be asked"):
        outside_round(job(tmp_path, **outside(probs=(ids(0, 10), probs(10)))), margin)
    with pytest.raises(LabelError):
        outside_round(job(tmp_path, labelled={"0": "z"}, **outside(probs=(ids(0, 60), probs(60)))), margin)


def test_an_outside_round_needs_no_labels_of_its_own(tmp_path: Any) -> None:
    work = job(tmp_path, labelled={item: label(item) for item in ids(0, 2)}, pending=[], **outside(features=(ids(5, 60), np.eye(55, dtype=np.float32))))
    assert len(outside_round(work, catalogue.acquisition("coreset")).ranking) == 5
