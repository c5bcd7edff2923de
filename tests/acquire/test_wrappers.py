"""Wrappers: filters, parts, mixes, stages and votes around any acquisition."""

from __future__ import annotations

import dataclasses
from collections import Counter
from math import comb

import numpy as np
import pytest

import querist
from querist.acquire.balance import ClassBalance
from querist.acquire.compose import Compose, Random
from querist.acquire.costs import CostAware
from querist.acquire.embeddings import Features, Gradients
from querist.acquire.ranked import CORESET, MARGIN, ranked
from querist.acquire.scores import Entropy, Margin
from querist.acquire.selectors import KCenter, KMeansPP
from querist.acquire.staged import Chain, Switch
from querist.acquire.voting import Vote
from querist.acquire.wrappers import MixRandom, Partition, Subsample
from querist.core import catalogue
from querist.core.contracts import PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.core.rng import stream
from querist.core.spec import build, spec
from querist.testing import FakeView

pytestmark = pytest.mark.torchless

ENTROPY = Compose(score=Entropy())
BADGE = Compose(embed=Gradients(), selector=KMeansPP())


def rng(seed: int = 0) -> np.random.Generator:
    return stream(seed, 1, "select")


def test_a_ranking_is_whole_where_scores_alone_decide_and_the_first_picks_elsewhere() -> None:
    view = FakeView.random()
    whole = ranked(MARGIN, view, 3, rng())
    assert [view.candidates[row] for row in whole.rows] == list(MARGIN.select(view, 40, rng()).ids)
    part = ranked(CORESET, view, 3, rng())
    assert [view.candidates[row] for row in part.rows] == list(CORESET.select(view, 3, rng()).ids) and "distance" in part.reason(1)
    assert MARGIN.scored(view) is not None and Compose(score=Margin(), embed=Features(), selector=KCenter()).scored(view) is None
    assert (np.diff(ranked(BADGE, view, 40, rng()).gains) <= 0).all()


def test_a_subsample_is_uniform_and_the_method_chooses_in_it() -> None:
    view = FakeView.random(n=20)
    counts: Counter[str] = Counter()
    for seed in range(800):
        chosen = Subsample(MARGIN, size=5).select(view, 1, rng(seed))
        counts.update(chosen.ids)
    best = MARGIN.select(view, 20, rng()).ids
    # The best of 5 of 20 is the i-th best of all with probability C(20 - i, 4) / C(20, 5).
    for place, item in enumerate(best, 1):
        wanted = 800 * comb(20 - place, 4) / comb(20, 5)
        assert abs(counts[item] - wanted) <= 5 * max(wanted, 1) ** 0.5, item
    assert Subsample(BADGE, size=20).select(view, 5, rng()) == BADGE.select(view, 5, rng())
    assert len(Subsample(MARGIN, size=3).select(view, 9, rng())) == 9


def test_parts_share_the_batch() -> None:
    view = FakeView.random()
    chosen = Partition(MARGIN, parts=4).select(view, 10, rng())
    assert Counter(note.partition(":")[0] for note in chosen.note) == {"part 1 of 4": 3, "part 2 of 4": 3, "part 3 of 4": 2, "part 4 of 4": 2}
    assert [note.partition(":")[0] for note in chosen.note[:4]] == [f"part {part} of 4" for part in (1, 2, 3, 4)]
    assert view.candidates[int(np.argmax(Margin()(view)))] in chosen.ids[:4], "the best of all is the best of its part"
    assert Partition(MARGIN, parts=1).select(view, 10, rng()).ids == MARGIN.select(view, 10, rng()).ids
    assert len(set(Partition(MARGIN, parts=100).select(view, 40, rng()).ids)) == 40


def test_the_share_of_random_picks() -> None:
    view = FakeView.random(n=200)
    best = MARGIN.select(view, 20, rng()).ids
    random = 0
    for seed in range(100):
        chosen = MixRandom(MARGIN, share=0.25).select(view, 20, rng(seed))
        own = [item for item, note in zip(chosen.ids, chosen.note, strict=True) if "random" not in note]
        assert own == list(best[: len(own)])
        random += 20 - len(own)
    assert abs(random - 500) < 5 * (2000 * 0.25 * 0.75) ** 0.5
    assert MixRandom(MARGIN, share=0.0).select(view, 20, rng()).ids == best
    assert all("random" in note for note in MixRandom(MARGIN, share=1.0).select(view, 20, rng()).note)


def test_a_chain_is_a_prefilter() -> None:
    view = FakeView.random(n=100)
    filtered = Compose(score=Margin(), embed=Features(), selector=KCenter(), prefilter=4)
    assert Chain(MARGIN, CORESET, wide=4).select(view, 6, rng()).ids == filtered.select(view, 6, rng()).ids
    assert Chain(MARGIN, CORESET, wide=1).select(view, 6, rng()).ids != MARGIN.select(view, 6, rng()).ids
    assert set(Chain(MARGIN, CORESET, wide=1).select(view, 6, rng()).ids) == set(MARGIN.select(view, 6, rng()).ids)
    assert Chain(MARGIN, CORESET, wide=99).select(view, 6, rng()) == CORESET.select(view, 6, rng())


def test_a_switch_changes_its_method_with_the_round() -> None:
    view = FakeView.random()
    for number, method, says in ((1, CORESET, "round 1 < 3: "), (2, CORESET, "round 2 < 3: "), (3, MARGIN, "round 3 ≥ 3: ")):
        chosen = Switch(CORESET, MARGIN, rounds=3).select(dataclasses.replace(view, round=number), 5, rng())
        assert chosen.ids == method.select(view, 5, rng()).ids
        assert all(note.startswith(says) for note in chosen.note)


@dataclasses.dataclass(frozen=True)
class Fixed:
    """Ranks some candidates in a given order."""

    order: tuple[str, ...] = ()

    @property
    def needs(self) -> frozenset[str]:
        return frozenset()

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        return Selection(self.order[:k], tuple(float(-place) for place in range(len(self.order[:k]))))


def test_borda_points_by_hand() -> None:
    view = FakeView(["a", "b", "c", "d"])
    one, other = Fixed(("a", "b", "c", "d")), Fixed(("c", "b", "d", "a"))
    chosen = Vote((one, other)).select(view, 4, rng())
    # a: 1 + 1/4; b: 3/4 + 3/4; c: 2/4 + 1; d: 1/4 + 2/4. Equal points go to the first in canonical order.
    assert chosen.ids == ("b", "c", "a", "d") and chosen.scores == (1.5, 1.5, 1.25, 0.75)
    assert chosen.note[0] == "1.5 points: place 2, place 2"
    assert Vote((one, other), weights=(3.0, 1.0)).select(view, 1, rng()).ids == ("a",)
    short = Vote((one, Fixed(("d",)))).select(view, 4, rng())
    assert short.ids == ("d", "a", "b", "c") and short.note[1] == "1 points: place 1, not ranked"


def test_one_voter_decides_alone() -> None:
    view = FakeView.random()
    assert Vote((MARGIN,)).select(view, 9, rng()).ids == MARGIN.select(view, 9, rng()).ids


@pytest.mark.parametrize(
    "broken",
    [
        Subsample(MARGIN, size=0), Partition(MARGIN, parts=0), MixRandom(MARGIN, share=1.5), Chain(wide=0), Vote(()), Vote((MARGIN,), weights=(1.0, 2.0)),
        Vote((MARGIN,), weights=(-1.0,)), CostAware(budget=-1.0), ClassBalance(wide=0),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(broken: object) -> None:
    with pytest.raises(UsageError):
        broken.select(FakeView.random(), 3, rng())  # type: ignore[attr-defined]


def test_wrappers_nest_by_spec_by_name_and_by_parameter() -> None:
    wanted = Subsample(CostAware(BADGE), size=30)
    assert build(spec(wanted)) == wanted == catalogue.acquisition(spec(wanted))
    assert catalogue.acquisition({"use": "subsample", "size": 30, "inner": {"use": "cost_aware", "inner": {"use": "badge"}}}) == wanted
    assert wanted.needs == {"gradients", "costs"}
    with pytest.raises(UsageError, match="unknown strategy 'bagde'"):
        catalogue.acquisition({"use": "subsample", "inner": {"use": "bagde"}})
    view = FakeView.random()
    given = {name: value for name, value in view.stats["candidates"].items() if name in ("gradients", "costs")}
    by_name = querist.select("subsample", 5, inner={"use": "cost_aware", "inner": "badge"}, size=30, ids=view.candidates, **given)
    assert by_name.ids == wanted.select(dataclasses.replace(view, labelled=[], pending=[], labels=[]), 5, rng()).ids


def test_voters_by_name() -> None:
    view = FakeView.random()
    probs = view.stat("probs")
    chosen = querist.select("vote", 5, probs=probs, voters="margin,entropy", ids=view.candidates)
    assert chosen.ids == Vote((MARGIN, ENTROPY)).select(view, 5, rng()).ids
    assert Random() == catalogue.acquisition("random")
