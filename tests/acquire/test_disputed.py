"""ALFA-Mix and DropQuery: who is disputed, who stands for whom, who fills up."""

from __future__ import annotations

import numpy as np
import pytest

from querist.acquire.disputed import Disputed, Dropout, Mixes
from querist.acquire.scores import Margin
from querist.core import catalogue
from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def flipping(caps: dict[int, float], n: int = 40) -> FakeView:
    values = np.zeros(n, dtype=np.float32)
    values[list(caps)] = list(caps.values())
    return FakeView.random(n=n).filled("mix_flip", values)


def test_the_cap_grows_until_more_than_k_flip() -> None:
    view = flipping({3: 0.1, 5: 0.19, 8: 0.35, 9: 0.55, 20: 1.0})
    for k, rows in ((1, [3, 5]), (2, [3, 5, 8]), (3, [3, 5, 8, 9]), (4, [3, 5, 8, 9, 20]), (30, [3, 5, 8, 9, 20])):
        assert np.flatnonzero(Mixes()(view, k).disputed).tolist() == rows
    assert np.flatnonzero(Mixes(0.6)(view, 4).disputed).tolist() == [3, 5, 8, 9, 20], "the last cap is 1, not 1.2"


def test_what_nothing_flips_is_no_candidate_and_the_margin_fills_up() -> None:
    view = flipping({3: 0.1, 5: 0.9})
    chosen = catalogue.acquisition("alfamix").select(view, 6, stream(0, 1, "select"))
    assert set(chosen.ids[:2]) == {view.candidates[3], view.candidates[5]}
    margin = Margin()(view)
    rest = [row for row in np.argsort(-margin, kind="stable") if row not in (3, 5)][:4]
    assert list(chosen.ids[2:]) == [view.candidates[row] for row in rest]
    assert list(chosen.scores) == sorted(chosen.scores, reverse=True) and chosen.note[2].startswith("fills up: only 2")


def test_dropout_disputes_what_changes_in_more_than_half_of_the_passes() -> None:
    probs = np.array([[[0.8, 0.1, 0.1]]] * 4, dtype=np.float32)
    kept, other = [0.6, 0.3, 0.1], [0.2, 0.7, 0.1]
    samples = np.array([[kept, kept, kept], [kept, other, kept], [other, kept, other], [other, other, other]], dtype=np.float32)
    view = FakeView(list("abcd"), stats={"candidates": {"probs": probs, "head_samples": samples}})
    dispute = Dropout()(view, 2)
    assert dispute.disputed.tolist() == [False, False, True, True] and dispute.degree.tolist() == [0, 1, 2, 3]


def test_the_more_disputed_fill_up_first() -> None:
    view = FakeView.random(n=4)
    probs = np.tile(np.float32([0.8, 0.1, 0.1]), (4, 1, 1))
    probs[0, 0] = [0.4, 0.35, 0.25]  # the best margin, never disputed
    kept, other = [0.6, 0.3, 0.1], [0.2, 0.7, 0.1]
    samples = np.array([[kept, kept, kept], [kept, other, kept], [other, kept, other], [kept, kept, kept]], dtype=np.float32)
    chosen = catalogue.acquisition("dropquery").select(view.filled("probs", probs).filled("head_samples", samples), 4, stream(0, 1, "select"))
    assert chosen.ids == tuple(view.candidates[row] for row in (2, 1, 0, 3))


@pytest.mark.parametrize("unit", [False, True])
def test_one_of_every_cluster_of_the_disputed(unit: bool) -> None:
    rng = stream(4, 0, "oracle")
    centres = np.eye(5) * 10
    features = (np.repeat(centres, 8, axis=0) + rng.normal(size=(40, 5)) * 0.1).astype(np.float32)
    caps = np.where(np.arange(40) // 8 < 4, 0.1, 0.0).astype(np.float32)  # nothing of the fifth cloud flips
    view = FakeView.random().filled("features", features).filled("mix_flip", caps)
    chosen = Disputed(Mixes(), unit).select(view, 4, stream(0, 1, "select"))
    assert sorted(view.candidates.index(item) // 8 for item in chosen.ids) == [0, 1, 2, 3]
    assert chosen.note[0].startswith("stands for 8 of 32 items")


def test_lengths_matter_only_where_features_are_not_scaled() -> None:
    directions = np.repeat(np.eye(2), 20, axis=0)
    features = (directions * np.tile([1.0, 100.0], 20)[:, None]).astype(np.float32)
    view = FakeView.random().filled("features", features).filled("mix_flip", np.full(40, 0.1, dtype=np.float32))
    chosen = Disputed(Mixes(), True).select(view, 2, stream(0, 1, "select"))
    assert {view.candidates.index(item) // 20 for item in chosen.ids} == {0, 1}


def test_refusals() -> None:
    for cap in (0.0, 1.5):
        with pytest.raises(UsageError, match="a part of an anchor"):
            Mixes(cap)(FakeView.random(), 3)
