"""Facility location, MaxHerding, FASS and ProbCover as compositions: equivalences, fallbacks, large pools."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.coverage import FacilityLocation, ProbCover, ball_radius
from querist.acquire.embeddings import Features
from querist.acquire.scores import Entropy
from querist.acquire.unit import Unit
from querist.core import catalogue
from querist.core.rng import stream
from querist.kernels import covering, herding, neighbours
from querist.testing import FakeView

pytestmark = pytest.mark.torchless

POINTS = np.array([(0, 0), (1, 0), (0, 3), (5, 0), (5, 1), (6, 6), (2, 2)], dtype=np.float64)


def golden(labelled: list[int]) -> FakeView:
    rows = {"candidates": np.setdiff1d(np.arange(7), labelled), "labelled": np.array(labelled, dtype=int), "pending": np.arange(0)}
    return FakeView.of([str(row) for row in range(7)], rows, POINTS, np.full((7, 1, 3), 1 / 3, dtype=np.float32), [0] * len(labelled))


def picked(method: Compose, view: FakeView, k: int) -> list[str]:
    return list(method.select(view, k, stream(0, 1, "select")).ids)


def test_golden_facility_location() -> None:
    method = Compose(embed=Features(), selector=FacilityLocation(similarity=herding.Inverse()))
    chosen = method.select(golden([]), 3, stream(0, 1, "select"))
    assert chosen.ids == ("1", "4", "5")
    np.testing.assert_allclose(chosen.scores, [2.557968, 1.155263, 0.836039], atol=1e-5)


def test_golden_probcover() -> None:
    chosen = Compose(embed=Features(), selector=ProbCover(delta=2.3)).select(golden([]), 3, stream(0, 1, "select"))
    assert chosen.ids[:2] == ("1", "3") and chosen.scores == (3.0, 2.0, 1.0)


def test_maxherding_with_an_indicator_is_probcover() -> None:
    x = neighbours.unit(stream(3, 0, "oracle").normal(size=(60, 3)))
    picks, gains = herding.facility_location(x, x[:2], lambda near: (near < 0.36).astype(np.float64), 10)
    balls, fresh, _ = covering.ball_cover(x, covering.outside(x, x[:2], np.full(2, 0.6)), 0.6, 10)
    assert picks.tolist() == balls.tolist() and gains.tolist() == fresh.tolist()


@pytest.mark.parametrize("selector", [ProbCover(delta=2.3), FacilityLocation(similarity=herding.Inverse())])
def test_pending_items_cover_like_labelled_ones(selector: ProbCover | FacilityLocation) -> None:
    view = golden([1])
    waiting = replace(view, labelled=[], labels=[], pending=view.labelled, stats={**view.stats, "pending": view.stats["labelled"]})
    method = Compose(embed=Features(), selector=selector)
    assert picked(method, waiting, 3) == picked(method, view, 3) != picked(method, golden([]), 3)


def test_what_labelled_balls_hold_is_worth_nothing() -> None:
    # Row 0 covers row 1. Without that, row 1 would come first, with three; now rows 2 and 3 hold two each.
    chosen = Compose(embed=Features(), selector=ProbCover(delta=2.3)).select(golden([0]), 3, stream(0, 1, "select"))
    assert chosen.ids == ("2", "3", "5") and chosen.scores == (2.0, 2.0, 1.0)


def test_probcover_goes_on_farthest_first_and_says_so() -> None:
    method = Compose(embed=Features(), selector=ProbCover(delta=100.0))
    chosen = method.select(golden([0]), 3, stream(0, 1, "select"))
    assert chosen.ids == ("5", "4", "2")  # farthest-first from row 0: the whole pool is covered, and row 0 is not index 0 of it
    assert all("nothing left to cover" in why for why in chosen.note) and chosen.scores == (0.0, 0.0, 0.0)
    first = method.select(golden([]), 3, stream(0, 1, "select"))
    assert "7 uncovered" in first.note[0] and "nothing left" in first.note[1]


def test_the_radius_follows_the_purity_rule_and_covers_the_blobs() -> None:
    pytest.importorskip("sklearn")
    rng = stream(0, 0, "oracle")
    x = neighbours.unit(np.eye(3)[np.arange(90) % 3] + rng.normal(size=(90, 3)) * 0.05)
    radius = ball_radius(x, 3, 0.95, 1000, stream(0, 1, "select"))
    gaps = np.sqrt(((x[:, None] - x) ** 2).sum(axis=2))
    pure = [(np.arange(90)[gaps[row] < radius] % 3 == row % 3).all() for row in range(90)]
    assert np.mean(pure) >= 0.95 and 0.5 < radius < np.sqrt(2)
    rows = {"candidates": np.arange(90), "labelled": np.arange(0), "pending": np.arange(0)}
    view = FakeView.of([str(row) for row in range(90)], rows, x, np.full((90, 1, 3), 1 / 3, dtype=np.float32), [])
    assert {int(item) % 3 for item in picked(Compose(embed=Unit(), selector=ProbCover()), view, 3)} == {0, 1, 2}


def test_fass_is_facility_location_among_the_most_uncertain() -> None:
    view = FakeView.random(n=200)
    uncertain = Compose(score=Entropy()).select(view, 30, stream(0, 1, "select")).ids
    filtered = view.take(np.sort([view.candidates.index(item) for item in uncertain]))
    wanted = Compose(embed=Unit(), selector=FacilityLocation()).select(filtered, 6, stream(0, 1, "select"))
    chosen = catalogue.acquisition("fass").select(view, 6, stream(0, 1, "select"))
    assert chosen == wanted and set(chosen.ids) <= set(uncertain)


def test_five_copies_of_a_pool_are_covered_before_a_copy_is_bought() -> None:
    view = FakeView.random(n=12)
    copies = view.take(np.tile(np.arange(12), 5))
    copies.candidates = [f"copy-{row:02}" for row in range(60)]
    for name in ("maxherding", "facility_location"):
        chosen = catalogue.acquisition(name).select(copies, 12, stream(0, 1, "select"))
        assert len({int(item.removeprefix("copy-")) % 12 for item in chosen.ids}) == 12


def test_a_large_pool_is_sampled_and_the_note_says_so() -> None:
    view = FakeView.random(n=300)
    for selector in (FacilityLocation(sample=100), ProbCover(delta=0.5, sample=100)):
        chosen = Compose(embed=Unit(), selector=selector).select(view, 5, stream(0, 1, "select"))
        assert len(set(chosen.ids)) == 5 and all("100 of 300" in why or "nothing left" in why for why in chosen.note)
        kept = {view.candidates[row] for row in neighbours.spread(300, 100)}
        assert set(chosen.ids) <= kept
        assert len(Compose(embed=Unit(), selector=selector).select(view, 299, stream(0, 1, "select"))) == 299


def test_the_sparse_form_is_a_parameter() -> None:
    view = FakeView.random(n=80)
    whole = picked(Compose(embed=Unit(), selector=FacilityLocation()), view, 10)
    assert picked(Compose(embed=Unit(), selector=FacilityLocation(neighbours=79)), view, 10) == whole
    assert len(set(picked(Compose(embed=Unit(), selector=FacilityLocation(neighbours=3)), view, 10))) == 10
