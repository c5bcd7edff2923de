"""The batch rules of the applications, as wrappers around any method."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from querist.acquire.apart import Apart, UntilSpent
from querist.acquire.balance import ClassBalance
from querist.acquire.binned import Binned, HistogramMixture
from querist.acquire.compose import Compose
from querist.acquire.likely import LikelyPositive
from querist.acquire.ranked import CORESET, MARGIN
from querist.acquire.scores import Entropy, Estimated
from querist.acquire.shared_out import ClusterShares, MarginQuotas
from querist.acquire.shortlisted import ListMedoids, SetCover
from querist.core.errors import StatisticError, UsageError
from querist.core.rng import stream
from querist.kernels.information import entropy
from querist.kernels.quotas import sides
from querist.testing import FakeView

pytestmark = pytest.mark.torchless

COSTS = Compose(score=Estimated("loss_estimate"))
"""A method whose scores a test can set."""


def rng(seed: int = 0) -> np.random.Generator:
    return stream(seed, 1, "select")


def rows(view: FakeView, ids: tuple[str, ...]) -> list[int]:
    return [list(view.candidates).index(item) for item in ids]


def scored(values: np.ndarray, **stats: np.ndarray) -> FakeView:
    """A view whose candidates have these scores."""
    view = FakeView.random(n=len(values), labelled=2, pending=0).filled("loss_estimate", values)
    for name, value in stats.items():
        view = view.filled(name, value)
    return view


def test_a_short_list_covers_all_candidates() -> None:
    # Two directions: eight candidates look east, four north; the best four scores are three of the east and one of the north.
    x = np.repeat(np.eye(2, 5), [8, 4], axis=0).astype(np.float32) * 3
    values = np.zeros(12)
    values[[0, 1, 2, 8]] = [4, 3, 2, 1]
    view = scored(values, features=x)
    chosen = SetCover(COSTS, wide=2).select(view, 2, rng())
    assert rows(view, chosen.ids) == [0, 8] and chosen.scores == (8.0, 4.0)
    assert rows(view, SetCover(COSTS, wide=1).select(view, 2, rng()).ids) == [0, 1]
    assert "adds 8 of 12" in chosen.note[0]


def test_medoids_stand_for_the_short_list() -> None:
    x = np.repeat(np.eye(3, 5), [2, 5, 3], axis=0).astype(np.float32)
    view = scored(np.arange(10, 0, -1.0), features=x)
    chosen = ListMedoids(COSTS, wide=10).select(view, 3, rng())
    assert rows(view, chosen.ids) == [2, 7, 0] and chosen.scores == (5.0, 3.0, 2.0)
    # Of a list of as many as picks all are taken.
    assert set(rows(view, ListMedoids(COSTS, wide=1).select(view, 3, rng()).ids)) == {0, 1, 2}


def test_one_bin_is_random_and_as_many_as_candidates_is_the_method() -> None:
    view = FakeView.random(n=20)
    assert Binned(MARGIN, bins=20).select(view, 6, rng()).ids == MARGIN.select(view, 6, rng()).ids
    counts = Counter(item for seed in range(400) for item in Binned(MARGIN, bins=1).select(view, 3, rng(seed)).ids)
    assert len(counts) == 20 and sum((count - 60) ** 2 / 60 for count in counts.values()) < 50
    best = MARGIN.select(view, 20, rng()).ids
    drawn = Binned(MARGIN, bins=4).select(view, 7, rng())
    assert set(drawn.ids[:5]) == set(best[:5]) and set(drawn.ids[5:]) < set(best[5:10])
    assert "bin 1 of 4" in drawn.note[0] and "bin 2 of 4" in drawn.note[6]
    with pytest.raises(UsageError, match="bins"):
        Binned(bins=0).select(view, 3, rng())


def test_a_mixture_of_the_lowest_the_middle_and_the_rarest() -> None:
    values = np.arange(100.0)
    values[95:] = [200, 200, 200, 400, 400]
    view = scored(values)
    chosen = HistogramMixture(COSTS, lowest=0.2, middle=0.3, bins=40).select(view, 10, rng())
    picks = rows(view, chosen.ids)
    assert picks[:2] == [0, 1] and all(50 <= row < 90 for row in picks[2:5])
    # Bins of ten: two candidates in that of 400, three in that of 200, ten in the next high ones.
    assert picks[5:] == [98, 99, 95, 96, 97]
    assert "nothing found" in chosen.note[0] and "middle" in chosen.note[2] and "rarest" in chosen.note[5]
    seen = {row for seed in range(200) for row in rows(view, HistogramMixture(COSTS, lowest=0.2, middle=0.3, bins=40).select(view, 10, rng(seed)).ids)[2:5]}
    assert min(seen) == 50 and max(seen) == 89 and len(seen) == 40
    flat = scored(np.ones(30))
    assert len(set(HistogramMixture(COSTS).select(flat, 30, rng()).ids)) == 30
    with pytest.raises(UsageError, match="shares"):
        HistogramMixture(lowest=0.7, middle=0.7).select(view, 3, rng())


def test_quotas_follow_average_margins() -> None:
    # Three classes of equal size with average margins .2, .6 and .9: of ten picks 6, 3 and 1.
    top = np.repeat([0.6, 0.8, 0.95], 10)
    probs = np.zeros((30, 1, 3), dtype=np.float32)
    for row, (own, p) in enumerate(zip(np.repeat([0, 1, 2], 10), top, strict=True)):
        probs[row, 0, own], probs[row, 0, (own + 1) % 3] = p, 1 - p
    view = scored(np.arange(30.0), probs=probs)
    picks = rows(view, MarginQuotas(COSTS).select(view, 10, rng()).ids)
    assert sorted(picks) == [4, 5, 6, 7, 8, 9, 17, 18, 19, 29]
    assert picks == sorted(picks, reverse=True)
    assert len(MarginQuotas(COSTS).select(view, 30, rng())) == 30


def test_every_cluster_gets_one() -> None:
    pytest.importorskip("sklearn")
    x = np.repeat(100 * np.eye(3, 5), [20, 8, 2], axis=0) + stream(0, 0, "oracle").normal(size=(30, 5)) * 0.01
    view = scored(np.arange(30.0), features=x.astype(np.float32))
    picks = rows(view, ClusterShares(COSTS, clusters=3).select(view, 6, rng()).ids)
    assert sorted(row // 20 if row < 20 else 1 + (row >= 28) for row in picks) == [0, 0, 0, 1, 1, 2]
    assert set(picks) == {29, 27, 26, 19, 18, 17}


def test_no_two_picks_are_near_in_time() -> None:
    view = scored(np.array([9.0, 8.0, 7.0, 6.0]), recording=np.zeros(4), moment=np.array([0.0, 1.0, 5.0, 6.0]))
    bare = replace(view, labelled=[], labels=[])
    assert rows(view, Apart(COSTS, gap=2).select(bare, 2, rng()).ids) == [0, 2]
    assert rows(view, Apart(COSTS, gap=2).select(bare, 4, rng()).ids) == [0, 2, 1, 3]
    assert rows(view, Apart(COSTS, gap=0).select(bare, 2, rng()).ids) == [0, 1]
    known = replace(view, stats={**view.stats, "labelled": {"recording": np.zeros(2), "moment": np.array([5.5, 40.0])}})
    assert rows(view, Apart(COSTS, gap=2, known=1).select(known, 2, rng()).ids) == [0, 1]
    assert rows(view, Apart(COSTS, gap=2, known=-1).select(known, 2, rng()).ids) == [0, 2]
    random = FakeView.random(n=60).filled("recording", np.arange(60) % 2.0).filled("moment", stream(1, 0, "oracle").uniform(0, 100, size=60))
    picks = rows(random, Apart(MARGIN, gap=5).select(random, 6, rng()).ids)
    times, own = random.stat("moment")[picks], random.stat("recording")[picks]
    assert all(abs(times[i] - times[j]) > 5 for i in range(6) for j in range(i) if own[i] == own[j])


def test_a_budget_is_spent_in_order() -> None:
    view = scored(np.array([3.0, 2.0, 1.0]), costs=np.array([5.0, 7.0, 4.0]))
    crossing = UntilSpent(COSTS, budget=10.0).select(view, 3, rng())
    assert rows(view, crossing.ids) == [0, 1] and "12 spent" in crossing.note[1]
    assert rows(view, UntilSpent(COSTS, budget=10.0, strict=True).select(view, 3, rng()).ids) == [0, 2]
    assert UntilSpent(MARGIN).select(view, 2, rng()).ids == MARGIN.select(view, 2, rng()).ids
    with pytest.raises(UsageError, match="budget"):
        UntilSpent(budget=-1.0).select(view, 2, rng())
    with pytest.raises(StatisticError, match="negative"):
        UntilSpent(COSTS).select(view.filled("costs", np.array([1.0, -1.0, 1.0])), 2, rng())


def test_the_likeliest_positive_first() -> None:
    view = FakeView.random(c=2)
    chosen = Compose(score=LikelyPositive()).select(view, 5, rng())
    assert list(chosen.scores) == sorted(view.stat("probs")[:, :, 1].mean(axis=1, dtype=float), reverse=True)[:5]
    with pytest.raises(UsageError, match="class"):
        LikelyPositive(2)(view)


def test_half_from_each_side_is_balance_without_labels() -> None:
    view = FakeView.random(c=2, n=30)
    halves, _ = sides(view.stat("probs")[:, :, 1].mean(axis=1), entropy(view.stat("probs")), 8)
    balanced = ClassBalance(Compose(score=Entropy()), count_labels=False).select(view, 8, rng())
    assert set(rows(view, balanced.ids)) == set(halves.tolist())


@pytest.mark.parametrize("wrapper", [SetCover, ListMedoids, Binned, HistogramMixture, MarginQuotas, Apart, UntilSpent])
def test_rules_take_methods_whose_picks_depend_on_each_other(wrapper: type) -> None:
    view = FakeView.random()
    assert len(set(wrapper(CORESET).select(view, 7, rng()).ids)) == 7
