"""The published rule of `auto`: which branch, that it says so, and what it finds alarming."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec

import numpy as np
import pytest

import querist
from querist.acquire.auto import BADGE, CLUSTERS, FISHER, HERDING, MARGIN, SPREAD, TYPICAL, Auto
from querist.acquire.scores import Margin
from querist.core import catalogue
from querist.core.contracts import adapted
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless

PLENTY = [0, 1, 2] * 10
NEEDS_SKLEARN = pytest.mark.skipif(find_spec("sklearn") is None, reason="needs sklearn")
NEEDS_SCIPY = pytest.mark.skipif(find_spec("scipy") is None, reason="needs scipy")
ALL = frozenset({"features", "gradients", "probs", "head_samples"})


def rng() -> np.random.Generator:
    return stream(0, 1, "select")


def seen(labels: list[int]) -> FakeView:
    return dataclasses.replace(FakeView.random(n=400, labelled=max(len(labels), 1), pending=0), labels=labels)


@pytest.mark.parametrize(
    ("labels", "k", "frozen", "wanted", "reason"),
    [
        ([0, 0, 1, 1, 0, 1], 1, False, TYPICAL, "1 of 3 classes not seen"),
        ([0, 1, 2], 1, True, TYPICAL, "1.0 labels per class"),
        (PLENTY, 1, False, MARGIN, "only 0.25%"),
        ([0, 1, 2] * 5, 1, False, FISHER, "5.0 labels per class < 10"),
        pytest.param([0, 1, 2] * 5, 1, True, HERDING, "the features do not change", marks=NEEDS_SKLEARN),
        (PLENTY, 20, False, BADGE, "5.0% of the candidates"),
        pytest.param(PLENTY, 60, False, CLUSTERS, "15.0% of the candidates", marks=NEEDS_SCIPY),
    ],
)
def test_branches(labels: list[int], k: int, frozen: bool, wanted: object, reason: str) -> None:
    view, rule = seen(labels), Auto(frozen=frozen)
    name, acquisition, why = rule.branch(view, k)
    assert acquisition == wanted and reason in why
    chosen = rule.select(view, k, rng())
    assert all(note.startswith(f"auto → {name} (") for note in chosen.note)
    assert chosen.ids == acquisition.select(view, k, rng()).ids


def test_every_named_branch_is_that_row_of_the_catalogue() -> None:
    for name, acquisition in (("margin", MARGIN), ("badge", BADGE), ("cluster_margin", CLUSTERS)):
        assert catalogue.acquisition(name) == acquisition
    assert dataclasses.replace(catalogue.acquisition("bait_top2"), pca_dim=64) == FISHER
    assert dataclasses.replace(catalogue.acquisition("uherding"), sample=1536) == HERDING
    herding = catalogue.acquisition("maxherding")
    assert dataclasses.replace(herding, selector=dataclasses.replace(herding.selector, sample=1536)) == TYPICAL


def test_nothing_labelled_is_covered_and_a_huge_pool_is_shortened() -> None:
    bare = dataclasses.replace(seen(PLENTY), labelled=[], labels=[])
    assert Auto().branch(bare, 5).acquisition == TYPICAL
    assert Auto(huge=300).branch(seen(PLENTY), 20).acquisition == dataclasses.replace(BADGE, score=Margin(), prefilter=10)
    assert len(Auto(huge=300).select(seen(PLENTY), 20, rng())) == 20


def test_labels_that_nobody_told_are_not_counted() -> None:
    silent = dataclasses.replace(seen(PLENTY), labels=[])
    assert Auto().branch(silent, 20).name == "badge"


def test_what_is_not_there_is_not_asked_for() -> None:
    view = seen(PLENTY)
    assert adapted(Auto(), frozenset({"probs"})).needs == {"probs"}
    assert Auto().given(frozenset({"probs"})).branch(view, 5).acquisition == MARGIN
    assert Auto().given(frozenset({"probs"})).branch(view, 60).acquisition == SPREAD
    assert Auto().given(frozenset({"features"})).branch(view, 5).acquisition == TYPICAL
    assert Auto().given(ALL, frozen=True) == Auto(frozen=True)
    assert adapted(MARGIN, ALL) is MARGIN


def test_plain_arrays_decide_the_branch() -> None:
    view = FakeView.random(n=200)
    only_probs = querist.select("auto", 4, probs=view.stat("probs"), labelled=["0", "1"])
    only_features = querist.select("auto", 4, features=view.stat("features"))
    assert only_probs.note[0].startswith("auto → margin (") and only_features.note[0].startswith("auto → maxherding (")


def test_without_scipy_large_batches_go_by_gradients_and_the_reason_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("querist.acquire.auto.find_spec", lambda name: None)
    branch = Auto().branch(seen(PLENTY), 60)
    assert branch.acquisition == BADGE and "15.0%" in branch.reason and "scipy" in branch.reason


def test_alarms() -> None:
    view = seen([0, 1] * 10)
    sure = np.full((400, 2, 3), 0.05, dtype=np.float32)
    sure[:, :, 0] = 0.9
    # The uncertain ones, which margin picks, are all predicted to be of class 2; nothing was ever labelled so.
    sure[:60] = (0.28, 0.32, 0.4)
    rule = dataclasses.replace(Auto(), statistics=("probs",))
    note = rule.select(view.filled("probs", sure), 10, rng()).note[0]
    assert "10 of 10 picks are predicted to be of one class" in note
    assert "1 classes are predicted but were never labelled" in note
    assert "the posterior samples are identical" in note
    assert "alarm" not in rule.select(seen(PLENTY), 10, rng()).note[0]
