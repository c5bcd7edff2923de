"""Facility location, MaxHerding, FASS and ProbCover as compositions: equivalences, fallbacks, large pools."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.coverage import FacilityLocation, ProbCover, ball_radius
from querist.acquire.embeddings import Features
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


def by_formula(view: FakeView, rows: np.ndarray, cosine: bool, k: int) -> list[str]:
    """Plain greedy among some candidates, written down from the formula."""
    x, covered = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (view.stat("features")[rows].astype(float), Features().covered(view)))
    alike, near = x @ x.T, x @ covered.T
    alike, best = ((1 + alike) / 2, ((1 + near) / 2).max(axis=1)) if cosine else (np.exp(2 * alike - 2), np.exp(2 * near - 2).max(axis=1))
    wanted: list[int] = []
    for _ in range(k):
        gain = np.maximum(alike - best, 0).sum(axis=1)
        gain[wanted] = -1
        wanted.append(int(gain.argmax()))
        best = np.maximum(best, alike[wanted[-1]])
    return [view.candidates[row] for row in rows[wanted]]


@pytest.mark.parametrize("name", ["maxherding", "facility_location"])
def test_rows_equal_their_formulas(name: str) -> None:
    view = FakeView.random(n=200)
    assert picked(catalogue.acquisition(name), view, 15) == by_formula(view, np.arange(200), name == "facility_location", 15)


def test_fass_is_facility_location_among_the_most_uncertain() -> None:
    view = FakeView.random(n=200)
    p = view.stat("probs").mean(axis=1, dtype=np.float64)
    uncertain = np.sort(np.argsort((p * np.log(p)).sum(axis=1))[:30])
    assert picked(catalogue.acquisition("fass"), view, 6) == by_formula(view, uncertain, True, 6)


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


@pytest.mark.slow
def test_probcover_on_five_thousand_points_equals_its_definition() -> None:
    rng = stream(6, 0, "oracle")
    scale = np.arange(1, 65) ** -0.5
    x = neighbours.unit(((rng.normal(size=(20, 64))[rng.integers(20, size=5000)] + rng.normal(size=(5000, 64))) * scale).astype(np.float32))
    radius = 0.8
    rows = {"candidates": np.arange(30, 5000), "labelled": np.arange(30), "pending": np.arange(0)}
    view = FakeView.of([str(row) for row in range(5000)], rows, x, np.full((5000, 1, 3), 1 / 3, dtype=np.float32), [0] * 30)
    inside = np.stack([np.sqrt(((x[30:].astype(np.float64) - row) ** 2).sum(axis=1)) < radius for row in x.astype(np.float64)])
    live, inside = ~inside[:30].any(axis=0), inside[30:]
    chosen = Compose(embed=Features(), selector=ProbCover(delta=radius)).select(view, 60, stream(0, 1, "select"))
    taken: list[int] = []
    for item, worth in zip(chosen.ids, chosen.scores, strict=True):
        gain = (inside & live).sum(axis=1)
        gain[taken] = -1
        taken.append(int(item) - 30)
        assert gain.argmax() == taken[-1] and gain.max() == worth > 0
        live &= ~inside[taken[-1]]
