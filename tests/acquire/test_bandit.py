"""The bandit: whose pick it is, what it was worth, and that the next round knows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import querist
from querist.acquire.bandit import Bandit
from querist.acquire.compose import Random
from querist.acquire.ranked import CORESET, MARGIN
from querist.acquire.staged import Switch
from querist.acquire.wrappers import MixRandom
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.core.rng import stream
from querist.kernels.bandits import least_chance
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


@dataclass(frozen=True)
class Named:
    """Candidates whose id begins so come first."""

    prefix: str

    @property
    def needs(self) -> frozenset[str]:
        return frozenset()

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        ids = sorted(view.candidates, key=lambda item: (not item.startswith(self.prefix), item))[:k]
        return Selection(tuple(ids), (0.0,) * len(ids))


def world(n: int = 400) -> FakeView:
    """The model says class 0 of everything; items whose name begins with "b" are of class 1."""
    view = FakeView.random(n=n, labelled=0, pending=0)
    ids = [f"{'ab'[row % 2]}{row:04d}" for row in range(n)]
    said = np.tile(np.array([0.8, 0.1, 0.1], dtype=np.float32), (n, 1, 1))
    order = np.argsort(ids)
    return replace(view, candidates=[ids[row] for row in order], stats={"candidates": {"probs": said}, "labelled": {"probs": said[:0]}})


def answered(view: FakeView, chosen: Selection, number: int) -> FakeView:
    """The view of the next round, all picks labelled."""
    labelled = sorted([*view.labelled, *chosen.ids])
    left = [item for item in view.candidates if item not in chosen.ids]
    said = np.tile(np.array([0.8, 0.1, 0.1], dtype=np.float32), (len(left) + len(labelled), 1, 1))
    stats = {"candidates": {"probs": said[: len(left)]}, "labelled": {"probs": said[len(left) :]}}
    labels = [int(item.startswith("b")) for item in labelled]
    return replace(view, candidates=left, labelled=labelled, labels=labels, stats=stats, round=number, memory=json.loads(json.dumps(chosen.memory)))


def shares(bandit: Any, rounds: int, seed: int) -> list[Counter[str]]:
    view, out = world(), []
    for number in range(1, rounds + 1):
        chosen = bandit.select(view, 10, stream(seed, number, "select"))
        out.append(Counter(item[0] for item in chosen.ids))
        view = answered(view, chosen, number + 1)
    return out


@pytest.mark.parametrize("arms", [("a", "b"), ("b", "a")])
def test_trust_goes_to_the_method_whose_picks_are_rewarded(arms: tuple[str, str]) -> None:
    """Only picks of "b" surprise; the share of "b" rises to what the floor allows, whichever place its method has."""
    early, late = Counter[str](), Counter[str]()
    for seed in range(5):
        got = shares(Bandit(tuple(map(Named, arms)), reward="surprise", horizon=200), 20, seed)
        for one in got[:2]:
            early.update(one)
        for one in got[-4:]:
            late.update(one)
    assert 0.35 < early["b"] / early.total() < 0.65
    assert late["b"] / late.total() > 0.8
    assert late["a"] > 0, "nobody falls below the least chance"


def test_the_accuracy_weighs_by_the_odds() -> None:
    """One item drawn with chance 1/4 counts as four drawn surely; the model knows class 0 alone."""
    asked = {"a0000": {"odds": 1.0, "advised": [0], "guess": 0, "new": False}, "b0001": {"odds": 0.25, "advised": [1], "guess": 0, "new": True}}
    view = answered(world(8), Selection(("a0000", "b0001"), (0.0, 0.0)), 2)
    memory = {"logs": [0.0, 0.0], "doubt": [0.0, 0.0], "asked": asked, "known": ""}
    chosen = Bandit((Named("a"), Named("b")), horizon=20).select(replace(view, memory=memory), 1, stream(0, 2, "select"))
    assert chosen.memory is not None and "accuracy 0.20 of 1 labels" in chosen.note[0]
    grown = least_chance(2, 20) / 2 * 0.2 / 0.25
    assert np.array(chosen.memory["logs"]) == pytest.approx([-grown, 0.0])
    assert chosen.memory["asked"]["b0001"]["new"] is False, "a label is counted once"


def test_odds_are_those_of_the_item() -> None:
    """Two methods of three want the same item: it is drawn with the chances of both."""
    chosen = Bandit((Named("a"), Named("a"), Named("b")), horizon=20).select(world(8), 1, stream(1, 1, "select"))
    assert chosen.memory is not None
    (item, one), *_ = chosen.memory["asked"].items()
    assert one["odds"] == pytest.approx(2 / 3 if item.startswith("a") else 1 / 3)
    assert one["advised"] == ([0, 1] if item.startswith("a") else [2])


def test_labels_that_have_not_come_are_waited_for() -> None:
    bandit, view = Bandit((Named("a"), Named("b")), reward="surprise"), world(40)
    chosen = bandit.select(view, 4, stream(0, 1, "select"))
    waiting = replace(view, candidates=[item for item in view.candidates if item not in chosen.ids], pending=sorted(chosen.ids), memory=chosen.memory, round=2)
    rows = np.isin(view.candidates, waiting.candidates)
    waiting.stats = {"candidates": {"probs": view.stats["candidates"]["probs"][rows]}, "labelled": view.stats["labelled"]}
    later = bandit.select(waiting, 4, stream(0, 2, "select"))
    assert later.memory is not None and chosen.memory is not None
    assert later.memory["logs"] == [0.0, 0.0] and set(chosen.ids) <= set(later.memory["asked"])


def test_half_of_trust_fades() -> None:
    memory = {"logs": [0.0, -2.0], "doubt": [0.0, 0.0], "asked": {"b0001": {"odds": 1.0, "advised": [], "guess": 1, "new": True}}, "known": ""}
    view = replace(answered(world(8), Selection(("b0001",), (0.0,)), 2), memory=memory)
    chosen = Bandit((Named("a"), Named("b")), reward="surprise", fade=0.5).select(view, 1, stream(0, 2, "select"))
    assert chosen.memory is not None and chosen.memory["logs"] == pytest.approx([0.0, -1.0])


def test_wrappers_pass_the_memory_on_and_others_begin_anew() -> None:
    view = FakeView.random()
    bandit = Bandit((Random(), MARGIN, CORESET))
    for wrapper in (Switch(bandit, MARGIN, 5), MixRandom(bandit, 0.0)):
        assert wrapper.select(view, 5, stream(0, 1, "select")).memory is not None
    chosen = bandit.select(view, 5, stream(0, 1, "select"))
    assert "no rewards yet" in chosen.note[0]
    assert Bandit((Random(), MARGIN)).select(replace(view, memory=chosen.memory), 5, stream(0, 2, "select")).memory["logs"] == [0.0, 0.0]  # type: ignore[index]


def test_arrays_pass_it_by_hand() -> None:
    view = FakeView.random(n=30, labelled=0, pending=0)
    probs = view.stat("probs")
    first = querist.select("bandit", 4, probs=probs, features=view.stat("features"))
    mask = np.zeros(30, dtype=bool)
    mask[[int(item) for item in first.ids]] = True
    given = {"probs": probs, "features": view.stat("features"), "labelled": mask, "labels": np.zeros(4, dtype=int), "round": 2}
    assert "no rewards yet" in querist.select("bandit", 4, **given).note[0]
    assert "accuracy" in querist.select("bandit", 4, memory=first.memory, **given).note[0]


@pytest.mark.parametrize("wrong", [{"arms": ()}, {"reward": "luck"}, {"delta": 0.0}, {"fade": 1.5}, {"horizon": 0}])
def test_what_it_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Bandit(**wrong).select(FakeView.random(), 3, stream(0, 1, "select"))
