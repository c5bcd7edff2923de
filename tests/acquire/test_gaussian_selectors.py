"""LCMD, maxdet, maxdist, maxdiag over features and sketched gradients; with labels, without, and without classes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.embeddings import Features
from querist.acquire.gaussian import LCMD, GradientSketch, MaxDet, MaxDiag, MaxDist, Posterior
from querist.acquire.served import kinds
from querist.core import catalogue
from querist.core.errors import StatisticError, UsageError
from querist.core.rng import stream
from querist.kernels import gaussian, geometry
from querist.testing import FakeView

pytestmark = pytest.mark.torchless

NAMES = ["lcmd", "maxdet", "maxdist"]


def pick(acquisition: Any, view: FakeView, k: int) -> Any:
    return acquisition.select(view, k, stream(0, 1, "select"))


def bare(view: FakeView) -> FakeView:
    return dataclasses.replace(view, labelled=[], pending=[], labels=[])


@pytest.mark.parametrize("name", NAMES)
def test_regression_needs_features_only(name: str) -> None:
    view = FakeView.random()
    assert catalogue.acquisition(name).needs == {"features"} and "regression" in kinds(catalogue.row(name))
    poor = dataclasses.replace(view, labels=[], classes=0, stats={of: {"features": named["features"]} for of, named in view.stats.items()})
    assert len(set(pick(catalogue.acquisition(name), poor, 6).ids)) == 6


def test_maxdist_is_k_center() -> None:
    view = FakeView.random(n=80)
    assert pick(catalogue.acquisition("maxdist"), view, 12).ids == pick(catalogue.acquisition("coreset"), view, 12).ids
    x = view.stat("features")
    first = int(np.argmax((x**2).sum(axis=1)))
    for k in (1, 5, 80):
        rows = [first, *(row for row in geometry.k_center(x, x[[first]], 80)[0].tolist() if row != first)][:k]
        for acquisition, seen in ((MaxDist(), bare(view)), (MaxDist(train=False), view)):
            chosen = pick(Compose(embed=Features(), selector=acquisition), seen, k)
            assert list(chosen.ids) == [view.candidates[row] for row in rows]
            assert chosen.note[0].startswith("largest norm")


@pytest.mark.parametrize("name", NAMES)
def test_pending_items_are_covered_like_labelled_ones(name: str) -> None:
    view = FakeView.random(labelled=5, pending=3)
    moved = dataclasses.replace(view, labelled=[*view.labelled, *view.pending], pending=[])
    moved.stats = {**view.stats, "labelled": {"features": np.concatenate([view.stat("features", "labelled"), view.stat("features", "pending")])}}
    assert pick(catalogue.acquisition(name), moved, 7).ids == pick(catalogue.acquisition(name), view, 7).ids
    stripped = pick(catalogue.acquisition(name), dataclasses.replace(view, pending=[]), 7)
    assert stripped.scores != pick(catalogue.acquisition(name), view, 7).scores


def test_one_pick_of_maxdet_is_bald_of_a_linear_gaussian_model() -> None:
    view = FakeView.random(n=50)
    x, seen = view.stat("features").astype(np.float64), np.concatenate([view.stat("features", of) for of in ("labelled", "pending")]).astype(np.float64)
    covariance = np.linalg.inv(seen.T @ seen / 0.3 + np.eye(5))
    bald = 0.5 * np.log1p(np.einsum("nd,de,ne->n", x, covariance, x) / 0.3)
    one = Compose(embed=Features(), selector=MaxDet(noise=0.3, scale=False))
    assert pick(one, view, 1).ids == (view.candidates[int(np.argmax(bald))],)
    many = pick(Compose(embed=Features(), selector=MaxDiag(noise=0.3, scale=False)), view, 50)
    assert list(many.ids) == [view.candidates[row] for row in np.argsort(-bald, kind="stable")]


def test_transform_then_select_equals_condition_inside() -> None:
    view = FakeView.random(n=60)
    inside = pick(Compose(embed=Features(), selector=MaxDet()), view, 8)
    outside = pick(Compose(embed=Posterior(), selector=MaxDet(condition=False, scale=False)), view, 8)
    assert inside.ids == outside.ids
    np.testing.assert_allclose(inside.scores, outside.scores, rtol=1e-6)


def test_scale_makes_the_noise_relative() -> None:
    view = FakeView.random(n=60)
    large = dataclasses.replace(view, stats={of: {**named, "features": named["features"] * 1024} for of, named in view.stats.items()})
    assert pick(catalogue.acquisition("maxdet"), large, 8).ids == pick(catalogue.acquisition("maxdet"), view, 8).ids


def test_posterior_points() -> None:
    view = FakeView.random(n=30)
    posterior = Posterior(noise=0.1)
    x, seen = posterior.coordinates(view), posterior.covered(view)
    assert x.dtype == np.float64 and len(seen) == 8 and posterior.needs == {"features"} and len(posterior.points(view)) == 30
    assert (np.einsum("nd,nd->n", seen, seen) < 0.1).all(), "what was observed is known up to the noise"
    prior = Posterior().coordinates(bare(view))
    np.testing.assert_allclose((prior**2).sum(axis=1).mean(), 1.0)
    assert len(set(pick(Compose(embed=posterior, selector=MaxDist()), view, 5).ids)) == 5


def test_sketched_gradients_approximate_the_gradients() -> None:
    view = FakeView.random(n=30)
    a, h = view.stat("gradients")
    wanted = (a @ a.T) * (h @ h.T)
    sketch = GradientSketch(width=8192)
    made = sketch.coordinates(view).astype(np.float64)
    np.testing.assert_allclose(made @ made.T, wanted, atol=0.1 * float(np.abs(wanted).max()))
    assert sketch.covered(view).shape == (8, 8192) and sketch.covered(bare(view)).shape == (0, 8192)
    assert len(sketch.points(view)) == 30 and sketch.needs == {"gradients"}
    assert (sketch.coordinates(view) == gaussian.product_sketch(np.asarray(a), np.asarray(h), 8192, stream(0, 0, "select"))).all()
    for selector in (LCMD(), MaxDet(), MaxDist(train=False), LCMD(train=False)):
        assert len(set(pick(Compose(embed=GradientSketch(width=64), selector=selector), view, 9).ids)) == 9


def test_a_sketch_names_the_item_that_is_broken() -> None:
    view = FakeView.random()
    h = np.array(view.stat("features"))
    h[7] = np.nan
    broken = view.filled("gradients", (view.stat("gradients")[0], h))
    with pytest.raises(StatisticError, match=view.candidates[7]):
        pick(Compose(embed=GradientSketch(), selector=LCMD()), broken, 3)


@pytest.mark.parametrize("selector", [LCMD(), MaxDet(), MaxDist(), MaxDiag(), MaxDet(noise=0.0)])
def test_what_is_refused(selector: Any) -> None:
    embed = Features() if selector == MaxDet(noise=0.0) else None
    with pytest.raises(UsageError):
        pick(Compose(embed=embed, selector=selector), FakeView.random(), 3)
