"""DCoM: the weight of margin, the balls of the labelled items, and both ends of the blend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.coverage import ProbCover
from querist.acquire.dcom import DCoM
from querist.acquire.embeddings import Features
from querist.acquire.scores import Margin
from querist.acquire.unit import Unit
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def test_the_weight_of_margin_rises_to_one() -> None:
    shares = [DCoM().share(coverage) for coverage in np.linspace(0, 1, 21)]
    assert shares[0] < 1e-12 and shares[-1] == pytest.approx(1.0) and (np.diff(shares) > 0).all()
    assert DCoM().share(0.8) == pytest.approx(0.5, abs=1e-4)
    assert DCoM(steepness=30, centre=0.9).share(0.9) == pytest.approx((1 + np.exp(-3)) / 2)


def scaled(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / (values.max() - values.min()) if np.ptp(values) else np.zeros(len(values))


def naive(view: FakeView, radii: np.ndarray, delta: float, share: float, k: int) -> list[str]:
    x, covered = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (view.stat("features"), Features().covered(view)))
    live = ~(np.sqrt(((x[:, None] - covered) ** 2).sum(axis=2)) < radii).any(axis=1)
    inside = np.sqrt(((x[:, None] - x) ** 2).sum(axis=2)) < delta
    p = np.sort(view.stat("probs").mean(axis=1), axis=1)
    picks: list[int] = []
    for _ in range(k):
        score = share * scaled(p[:, -2] - p[:, -1]) + (1 - share) * scaled((inside & live).sum(axis=1).astype(float))
        score[picks] = -1
        picks.append(int(score.argmax()))
        live &= ~inside[picks[-1]]
    return [view.candidates[pick] for pick in picks]


@pytest.mark.parametrize("centre", [2.0, 0.55, 0.45, -1.0])
def test_blend_moves_from_coverage_to_margin(centre: float) -> None:
    view = FakeView.random(n=120, labelled=20)
    method, rng = DCoM(delta=0.3, centre=centre, steepness=5.0 if 0 < centre < 1 else 50.0), stream(0, 1, "select")
    chosen = method.select(view, 8, rng)
    radii, delta, coverage = method._balls(view, Unit().coordinates(view), Unit().covered(view), view.stat("probs"), rng)
    assert list(chosen.ids) == naive(view, radii, delta, method.share(coverage), 8)
    if centre == -1.0:  # competent from the start
        assert chosen.ids == Compose(score=Margin()).select(view, 8, rng).ids
    nothing = replace(view, labelled=[], labels=[], pending=[])
    balls = Compose(embed=Unit(), selector=ProbCover(delta=0.3)).select(nothing, 3, rng)
    assert DCoM(delta=0.3).select(nothing, 3, rng).ids == balls.ids


def test_pending_items_cover_with_the_mean_radius() -> None:
    view = FakeView.random(n=80, labelled=10, pending=4)
    method = DCoM(delta=0.5)
    x, covered = Unit().coordinates(view), Unit().covered(view)
    radii, mean, coverage = method._balls(view, x, covered, view.stat("probs"), stream(0, 1, "select"))
    assert len(radii) == 14 and radii[10:] == pytest.approx(radii[:10].mean()) and mean == pytest.approx(radii.mean())
    assert 0 <= coverage <= 1 and radii.max() <= 1.5 * 0.5


def test_without_labels_but_with_labelled_items_the_first_radius_serves() -> None:
    view = replace(FakeView.random(n=60), labels=[])
    assert len(DCoM(delta=0.3).select(view, 7, stream(0, 1, "select"))) == 7
