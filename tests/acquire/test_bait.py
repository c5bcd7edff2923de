"""BAIT as a strategy: labelled and pending items, weights, reduced features, prefilter."""

from __future__ import annotations

import dataclasses
import tracemalloc
from typing import Any

import numpy as np
import pytest

from querist.acquire.auto import FISHER, MOST_CLASSES
from querist.acquire.bait import BAIT, EXPECTATIONS
from querist.core import catalogue
from querist.core.errors import StatisticError, UsageError
from querist.core.rng import stream
from querist.kernels import fisher, information
from querist.testing import FakeView

pytestmark = pytest.mark.torchless

FORMS = sorted(EXPECTATIONS)


def pick(acquisition: Any, view: FakeView, k: int) -> Any:
    return acquisition.select(view, k, stream(0, 1, "select"))


def naive(view: FakeView, k: int, form: str, official: bool) -> list[str]:
    """Forward and backward with dense inverses."""

    def each(of: str) -> np.ndarray:
        p, h = information.predictive(view.stat("probs", of)), view.stat("features", of).astype(np.float64)
        return np.stack([fisher.information(EXPECTATIONS[form], p[i : i + 1], h[i : i + 1]) for i in range(len(p))])

    pool = each("candidates")
    known = np.concatenate([each("labelled"), each("pending")])
    target = np.concatenate([pool, known]).mean(axis=0)
    share = len(known) / (len(known) + k)
    start = np.eye(len(target)) + share * known.mean(axis=0)
    weight = (k if official else 1) / (len(known) + k)

    def trace(rows: list[int]) -> float:
        return float(np.trace(np.linalg.solve(start + weight * pool[rows].sum(axis=0), target)))

    picks: list[int] = []
    while len(picks) < 2 * k:
        picks.append(min((i for i in range(len(pool)) if i not in picks), key=lambda i: trace([*picks, i])))
    while len(picks) > k:
        picks.remove(min(picks, key=lambda i: trace([j for j in picks if j != i])))
    return [view.candidates[i] for i in picks]


@pytest.mark.parametrize("official", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_equals_dense_inverses_on_a_view(form: str, official: bool) -> None:
    view = FakeView.random(n=20, d=3)
    assert list(pick(BAIT(form, official_scaling=official), view, 3).ids) == naive(view, 3, form, official)


def test_the_two_scalings_differ_by_the_batch() -> None:
    view = FakeView.random()
    ours, official = pick(BAIT(), view, 5), pick(BAIT(official_scaling=True), view, 5)
    assert official.scores[0] > 2 * ours.scores[0]
    assert pick(BAIT(), view, 1) == pick(BAIT(official_scaling=True), view, 1)


@pytest.mark.parametrize("form", FORMS)
def test_pending_items_count_as_labelled(form: str) -> None:
    view = FakeView.random(labelled=4, pending=4)
    moved = dataclasses.replace(view, labelled=[*view.labelled, *view.pending], pending=[])
    stats = {name: np.concatenate([view.stats["labelled"][name], view.stats["pending"][name]]) for name in ("probs", "features")}
    moved.stats = {**view.stats, "labelled": stats}
    assert pick(BAIT(form), moved, 6).ids == pick(BAIT(form), view, 6).ids
    assert pick(BAIT(form), dataclasses.replace(view, labelled=[], pending=[]), 6).scores != pick(BAIT(form), view, 6).scores


@pytest.mark.parametrize("form", FORMS)
def test_directions_that_nobody_uses_can_go(form: str) -> None:
    view = FakeView.random(n=60, d=3)
    turn = np.linalg.qr(stream(0, 0, "oracle").normal(size=(9, 9)))[0][:3]
    wide = dataclasses.replace(view, stats={of: {**named, "features": named["features"].astype(np.float64) @ turn} for of, named in view.stats.items()})
    whole, reduced = pick(BAIT(form), wide, 5), pick(BAIT(form, pca_dim=3), wide, 5)
    assert whole.ids == reduced.ids == pick(BAIT(form), view, 5).ids
    np.testing.assert_allclose(reduced.scores, whole.scores, rtol=1e-5)


def test_features_are_reduced_when_the_matrix_would_be_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("querist.acquire.bait.WIDE", 9)
    made: list[tuple[int, ...]] = []
    kernel = fisher.forward_backward

    def watched(a: np.ndarray, h: np.ndarray, start: np.ndarray, *rest: Any) -> Any:
        made.append((h.shape[1], len(start)))
        return kernel(a, h, start, *rest)

    monkeypatch.setattr(fisher, "forward_backward", watched)
    assert len(pick(BAIT(), FakeView.random(), 5)) == 5
    pick(BAIT("binary"), FakeView.random(), 5)
    assert made == [(3, 9), (5, 5)]


@pytest.mark.parametrize("limit", [{"prefilter": 3}, {"table_bytes": 1}])
def test_the_prefilter_keeps_the_smallest_margins(limit: dict[str, int]) -> None:
    view = FakeView.random(n=100)
    kept = 3 if "prefilter" in limit else 2
    margins = information.margin(view.stat("probs"))
    wanted = {view.candidates[row] for row in np.argsort(-margins, kind="stable")[: kept * 4]}
    chosen = pick(BAIT("top2", **limit), view, 4)
    assert set(chosen.ids) <= wanted and len(chosen) == 4


def test_duplicates_are_worth_less_than_new_directions() -> None:
    features = np.repeat(np.eye(5, dtype=np.float32) * 30, 6, axis=0)
    probs = np.full((30, 1, 3), 1 / 3, dtype=np.float32)
    rows = {"candidates": np.arange(30), "labelled": np.arange(0), "pending": np.arange(0)}
    view = FakeView.of([f"{i}" for i in range(30)], rows, features, probs, [])
    for form in FORMS:
        assert {int(item) // 6 for item in pick(BAIT(form), view, 5).ids} == set(range(5))


def test_what_the_reasons_say_and_what_is_refused() -> None:
    view = FakeView.random()
    chosen = pick(catalogue.acquisition("bait_top2"), view, 3)
    assert all(why.startswith("lowers the trace by") for why in chosen.note)
    with pytest.raises(UsageError):
        pick(BAIT("some"), view, 3)
    with pytest.raises(UsageError):
        pick(BAIT(ridge=0.0), view, 3)
    broken = np.array(view.stat("features", "labelled"))
    broken[1, 0] = np.inf
    view.stats["labelled"]["features"] = broken
    with pytest.raises(StatisticError, match=view.labelled[1]):
        pick(BAIT(), view, 3)


@pytest.mark.parametrize("form", FORMS)
def test_many_classes(form: str) -> None:
    assert len(set(pick(BAIT(form), FakeView.random(n=30, k=1, c=40), 4).ids)) == 4


def test_a_thousand_classes_are_refused_before_anything_is_made() -> None:
    probs = np.broadcast_to(np.float32(1e-3), (200_000, 1, 1000))  # 800 MB as an array
    features = np.broadcast_to(np.float32(1), (200_000, 512))
    view = FakeView([str(i) for i in range(200_000)], stats={"candidates": {"probs": probs, "features": features}})
    tracemalloc.start()
    try:
        for k in (1, 100):
            with pytest.raises(UsageError, match=r"c·d = 1,000·8.* GB.*at most 3.8 GB.*bait_top2 or bait_binary"):
                pick(catalogue.acquisition("bait"), view, k)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    with pytest.raises(UsageError, match="Use bait_binary"):
        pick(BAIT("top2", pca_dim=64), view, 1)
    assert BAIT("binary").needed(1000, 512, 100) < 1 << 24


def test_auto_never_meets_the_refusal() -> None:
    for classes in range(2, MOST_CLASSES + 1):
        assert all(FISHER.needed(classes, d, 1_000_000) <= FISHER.max_bytes for d in (1, 63, 64, 65, 512, 8192, 100_000))


@pytest.mark.parametrize("name", ["bait", "bait_top2", "bait_binary", "lcmd", "maxdet", "maxdist"])
def test_the_order_of_the_pool_does_not_matter(name: str) -> None:
    view = FakeView.random(n=60)
    order = stream(1, 0, "oracle").permutation(60)
    assert pick(catalogue.acquisition(name), view.take(order), 6).ids == pick(catalogue.acquisition(name), view, 6).ids
