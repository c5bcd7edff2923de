"""SEALS: neighbours only, the inner method in the limit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.embeddings import Features
from querist.acquire.seals import Seals
from querist.acquire.selectors import KCenter
from querist.core import catalogue
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless
INNERS = [catalogue.acquisition("entropy"), Compose(embed=Features(), selector=KCenter()), catalogue.acquisition("random")]


def brute_force(view: FakeView, neighbours: int) -> set[str]:
    x = view.stat("features").astype(float)
    found: set[str] = set()
    for of in ("labelled", "pending"):
        for anchor in view.stat("features", of).astype(float):
            found |= {view.candidates[row] for row in np.argsort(((x - anchor) ** 2).sum(axis=1), kind="stable")[:neighbours]}
    return found


@pytest.mark.parametrize("inner", INNERS)
def test_all_neighbours_are_the_inner_method(inner: Compose) -> None:
    view = FakeView.random(n=90)
    mine, theirs = (method.select(view, 8, stream(0, 1, "select")) for method in (Seals(inner, neighbours=90), inner))
    assert (mine.ids, mine.scores) == (theirs.ids, theirs.scores)


def test_the_row_is_entropy_among_neighbours() -> None:
    assert catalogue.acquisition("seals") == Seals()


@pytest.mark.parametrize("neighbours", [5, 12])
def test_it_picks_the_best_of_the_exact_neighbours(neighbours: int) -> None:
    view = FakeView.random(n=300)
    assert len(brute_force(view, neighbours)) <= neighbours * (len(view.labelled) + len(view.pending)) < 300
    # Beside the pool as it is: one of ties, seen from anchors far outside it.
    far = {of: {**stats, "features": 1e3 * stats["features"] if of == "labelled" else np.round(stats["features"])} for of, stats in view.stats.items()}
    for seen in (view, dataclasses.replace(view, stats=far)):
        allowed = brute_force(seen, neighbours)
        chosen = Seals(neighbours=neighbours).select(seen, 5, stream(0, 1, "select"))
        mean = seen.stat("probs").mean(axis=1, dtype=np.float64)
        ranked = [seen.candidates[row] for row in np.argsort((mean * np.log(mean)).sum(axis=1), kind="stable")]
        assert chosen.ids == tuple(item for item in ranked if item in allowed)[:5]
    assert all(f"one of {len(allowed)} neighbours of 8 items" in why for why in chosen.note)


def test_labelling_more_never_takes_candidates_away() -> None:
    view = FakeView.random(n=200, labelled=3, pending=0)
    seen = brute_force(view, 6)
    for _ in range(4):
        pick = Seals(neighbours=6).select(view, 1, stream(0, 1, "select")).ids[0]
        row = list(view.candidates).index(pick)
        moved = {name: view.stats["candidates"][name][row : row + 1] for name in ("features", "probs")}
        labelled = {name: np.concatenate([view.stats["labelled"][name], value]) for name, value in moved.items()}
        view = view.take(np.delete(np.arange(len(view.candidates)), row))
        view = dataclasses.replace(
            view, labelled=[*view.labelled, pick], stats={**view.stats, "labelled": labelled, "pending": {"features": moved["features"][:0]}}
        )
        assert seen - {pick} <= brute_force(view, 6)
        seen = brute_force(view, 6)


def test_a_batch_is_never_short() -> None:
    view = FakeView.random(n=100, labelled=1, pending=0)
    chosen = Seals(neighbours=2).select(view, 30, stream(0, 1, "select"))
    assert len(set(chosen.ids)) == 30 and all("one of 30 neighbours of 1 items" in why for why in chosen.note)


def test_with_nothing_labelled_it_says_that_it_sees_all() -> None:
    view = dataclasses.replace(FakeView.random(), labelled=[], pending=[], labels=[])
    chosen = Seals().select(view, 4, stream(0, 1, "select"))
    assert chosen.ids == catalogue.acquisition("entropy").select(view, 4, stream(0, 1, "select")).ids
    assert all(why.endswith("nothing labelled: all candidates seen") for why in chosen.note)
