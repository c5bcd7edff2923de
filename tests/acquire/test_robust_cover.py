"""The robust core-set as a selector: its radius, its notes, its fallbacks."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.embeddings import Features
from querist.acquire.robust_cover import RobustKCenter
from querist.acquire.selectors import KCenter
from querist.core.rng import stream
from querist.kernels.geometry import nearest_squared
from querist.testing import FakeView

pytest.importorskip("scipy")
pytestmark = pytest.mark.torchless


def robust(**parameters: float) -> Compose:
    return Compose(embed=Features(), selector=RobustKCenter(**parameters))  # type: ignore[arg-type]


def radius(view: FakeView, ids: tuple[str, ...], outliers: int) -> float:
    x, rows = Features().coordinates(view), [list(view.candidates).index(item) for item in ids]
    near = np.sqrt(nearest_squared(x, np.concatenate([Features().covered(view), x[rows]])))
    return float(np.sort(near)[len(near) - 1 - outliers])


def test_radius_is_at_most_that_of_greedy() -> None:
    greedy = Compose(embed=Features(), selector=KCenter())
    strictly = 0
    for seed in range(4):
        view = FakeView.random(n=60, d=2, seed=seed)
        for share, outliers in ((0.0, 0), (1e-4, 1), (0.05, 3)):
            mine, theirs = (method.select(view, 6, stream(0, 1, "select")) for method in (robust(outliers=share, gap=0.0), greedy))
            assert radius(view, mine.ids, outliers) <= radius(view, theirs.ids, outliers) + 1e-9
            strictly += radius(view, mine.ids, outliers) < radius(view, theirs.ids, outliers) - 1e-9
    assert strictly >= 8


def test_the_note_tells_radius_gap_and_outliers() -> None:
    view = FakeView.random(n=60, d=2)
    chosen = robust(gap=0.0).select(view, 6, stream(0, 1, "select"))
    proved = re.search(r"integer program: radius ([\d.e+-]+) \(greedy ([\d.]+)\), gap 0.0%, 1 outliers of 60$", chosen.note[0])
    assert proved is not None
    assert float(proved[1]) == pytest.approx(radius(view, chosen.ids, 1), rel=1e-3) and float(proved[1]) < float(proved[2])
    assert list(chosen.scores) == sorted(chosen.scores, reverse=True)


def test_an_outlier_is_not_bought() -> None:
    x = np.concatenate([stream(0, 0, "oracle").normal(size=(40, 2)), [[500.0, 500.0]]]).astype(np.float32)
    rows = {"candidates": np.arange(41), "labelled": np.arange(0), "pending": np.arange(0)}
    view = FakeView.of([str(i) for i in range(41)], rows, x, np.full((41, 1, 2), 0.5, dtype=np.float32), [])
    assert "40" not in robust().select(view, 4, stream(0, 1, "select")).ids
    assert "40" in robust(outliers=0.0).select(view, 4, stream(0, 1, "select")).ids


def test_large_pools_are_sampled_and_say_so() -> None:
    view = FakeView.random(n=120, d=2)
    chosen = robust(sub_pool=50).select(view, 5, stream(0, 1, "select"))
    assert len(set(chosen.ids)) == 5 and "of 50 drawn from 120" in chosen.note[0]
    assert chosen.ids != robust(sub_pool=50).select(view, 5, stream(1, 1, "select")).ids


@pytest.mark.parametrize(("k", "sub_pool", "reason"), [(40, 2000, "no more candidates than picks"), (30, 20, "more picks than the sub-pool's 20")])
def test_greedy_says_why_it_stands_in(k: int, sub_pool: int, reason: str) -> None:
    view = FakeView.random(n=40)
    chosen = robust(sub_pool=sub_pool).select(view, k, stream(0, 1, "select"))
    assert chosen.ids == Compose(embed=Features(), selector=KCenter()).select(view, k, stream(0, 1, "select")).ids
    assert all(why.endswith(f"greedy: {reason}") for why in chosen.note)


def test_without_time_it_is_greedy_and_says_so() -> None:
    view = FakeView.random(n=60, d=3)
    chosen = robust(seconds=1e-9).select(view, 5, stream(0, 1, "select"))
    assert set(chosen.ids) == set(Compose(embed=Features(), selector=KCenter()).select(view, 5, stream(0, 1, "select")).ids)
    assert all("greedy: radius" in why and "no smaller one was proved feasible" in why for why in chosen.note)


def test_pending_covers_like_labelled() -> None:
    view = FakeView.random(n=60, d=2)
    leased = view.candidates[:8]
    rest = view.take(np.arange(8, 60))
    features = view.stat("features")[:8]
    moved = dataclasses.replace(rest, pending=leased, stats={**rest.stats, "pending": {"features": features}})
    labelled = dataclasses.replace(rest, labelled=leased, pending=[], stats={**rest.stats, "labelled": {"features": features}})
    nobody = dataclasses.replace(moved, labelled=[], labels=[])
    assert robust().select(nobody, 5, stream(0, 1, "select")) == robust().select(labelled, 5, stream(0, 1, "select"))
