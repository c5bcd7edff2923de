"""BatchBALD as a method: one pick is BALD, copies wait, the ceiling is said, pending items count."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from querist.acquire.batchbald import BatchBALD
from querist.acquire.compose import Compose
from querist.acquire.scores import BALD
from querist.core import catalogue
from querist.core.errors import StatisticError
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless

FIXTURE = np.array([[[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]], [[0.4, 0.3, 0.3], [0.3, 0.4, 0.3]], [[0.9, 0.05, 0.05]] * 2, [[0.2, 0.1, 0.7], [0.6, 0.1, 0.3]]])


def rng() -> np.random.Generator:
    return stream(0, 1, "select")


def bare(view: FakeView) -> FakeView:
    return dataclasses.replace(view, pending=[])


def method(**changes: float) -> Compose:
    return Compose(score=BALD(), selector=BatchBALD(**changes))  # type: ignore[arg-type]


def test_golden_fixture() -> None:
    view = FakeView([*"abcd"], stats={"candidates": {"probs": FIXTURE}})
    chosen = catalogue.acquisition("batchbald").select(view, 2, rng())
    assert chosen.ids == ("a", "d")
    assert sum(chosen.scores) == pytest.approx(0.279103, abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_one_pick_is_that_of_bald(seed: int) -> None:
    view = bare(FakeView.random(n=100, k=12, seed=seed))
    assert catalogue.acquisition("batchbald").select(view, 1, rng()).ids == catalogue.acquisition("bald").select(view, 1, rng()).ids


def test_copies_are_not_bought_while_there_is_something_to_learn() -> None:
    view = bare(FakeView.random(n=60, k=30))
    copied = view.take(np.repeat(np.arange(60), 5))
    copied.candidates = [f"item-{row:03d}" for row in range(300)]
    joint, top = (catalogue.acquisition(name).select(copied, 4, rng()).ids for name in ("batchbald", "bald"))
    assert len({int(item[5:]) // 5 for item in joint}) >= 3, "a soft label of a copy still tells a little"
    assert len({int(item[5:]) // 5 for item in top}) == 1


def test_at_the_ceiling_the_rest_is_drawn_and_says_so() -> None:
    view = bare(FakeView.random(n=200, k=4))
    chosen = method(full=0.6).select(view, 30, rng())
    joint = [why for why in chosen.note if why.startswith("gain")]
    assert 0 < len(joint) < 30 and all("exact" in why for why in joint)
    assert all("4 samples tell no more" in why and "power" in why for why in chosen.note[len(joint) :])
    assert sum(chosen.scores[: len(joint)]) >= 0.6 * np.log(4)
    assert len(set(chosen.ids)) == 30
    assert method(full=0.6).select(view, 30, stream(1, 1, "select")).ids[: len(joint)] == chosen.ids[: len(joint)]


def test_what_does_not_fit_is_sampled_and_says_so() -> None:
    view = bare(FakeView.random(n=80, k=40))
    chosen = method(samples=40, full=2.0).select(view, 6, rng())
    assert ["exact" in why for why in chosen.note] == [True] * 4 + [False] * 2
    assert all("sampled" in why for why in chosen.note[4:])


def test_labels_to_come_of_pending_items_count() -> None:
    view = FakeView.random(n=100, k=20, pending=1)
    first = method().select(bare(view), 1, rng()).ids[0]
    row = list(view.candidates).index(first)
    view.stats["pending"]["probs"] = view.stats["candidates"]["probs"][[row]]
    again = method().select(view, 1, rng())
    assert again.ids[0] != first and again.scores[0] < method().select(bare(view), 1, rng()).scores[0]


def test_pending_items_that_fill_the_samples_leave_a_draw() -> None:
    view = FakeView.random(n=50, k=2, pending=40)
    chosen = method(full=0.5).select(view, 5, rng())
    assert len(set(chosen.ids)) == 5 and all("tell no more" in why for why in chosen.note)


def test_nan_of_a_pending_item_names_it() -> None:
    view = FakeView.random()
    view.stats["pending"]["probs"][1] = np.nan
    with pytest.raises(StatisticError, match=view.pending[1]):
        method().select(view, 3, rng())


def test_only_the_best_scores_enter_the_joint_stage() -> None:
    view = bare(FakeView.random(n=100, k=30))
    best = set(Compose(score=BALD()).select(view, 10, rng()).ids)
    chosen = method(prefilter=10, full=2.0).select(view, 40, rng())
    joint = [item for item, why in zip(chosen.ids, chosen.note, strict=True) if why.startswith("gain")]
    assert set(joint) <= best and len(set(chosen.ids)) == 40


def test_a_permuted_pool_gives_the_same_batch() -> None:
    view = bare(FakeView.random(n=60, k=10))
    order = stream(4, 0, "oracle").permutation(60)
    assert set(method().select(view.take(order), 3, rng()).ids) == set(method().select(view, 3, rng()).ids)
