"""Strategies on boxes: uncertainty folded in three ways, levels as a committee, maps, two classifiers, CALD and PPAL."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from querist.acquire.box_sets import CALD, PPAL, box_sets, distances
from querist.acquire.boxes import BoxUncertainty, HeadDiscrepancy, LayerMargin, NeighbourDivergence, class_counts, object_maps, rarity
from querist.core.errors import CapabilityError, UsageError
from querist.core.rng import stream
from querist.kernels.boxes import class_weights
from querist.testing import BoxView, FakeView
from querist.testing.box_view import COARSE, FINE, PLACES, priors, said

C = 3


def rng() -> np.random.Generator:
    return stream(0, 1, "select")


def one_item(probs: np.ndarray, boxes: np.ndarray | None = None, kept: np.ndarray | None = None) -> BoxView:
    """A view whose only candidate says this at its places; (a, 4) probabilities."""
    whole = np.full((PLACES, C + 1), 0.01 / C)
    whole[:, C] = 0.99
    whole[: len(probs)] = probs
    places = priors().copy()
    if boxes is not None:
        places[: len(boxes)] = boxes
    flags = np.zeros((PLACES, 1))
    flags[: len(probs), 0] = 1.0 if kept is None else kept
    raw = np.concatenate([whole, places, flags], axis=1)[None]
    view = BoxView.random(n=1)
    return view.filled("sites", raw)  # type: ignore[return-value]


def test_uncertainty_of_boxes_folds_in_three_ways() -> None:
    probs = np.array([[0.5, 0.3, 0.1, 0.1], [0.97, 0.01, 0.01, 0.01]])
    view = one_item(probs)
    entropies = -(probs * np.log(probs)).sum(axis=1)
    margins = (1 - (np.sort(probs)[:, -1] - np.sort(probs)[:, -2])) ** 2
    for measure, each in (("entropy", entropies), ("margin", margins), ("least_confidence", 1 - probs.max(axis=1))):
        for by, wanted in (("sum", each.sum()), ("mean", each.mean()), ("max", each.max())):
            assert BoxUncertainty(measure, by)(view) == pytest.approx([wanted]), (measure, by)
    bare = one_item(probs, kept=np.zeros(2))
    assert BoxUncertainty()(bare).tolist() == [0.0] and BoxUncertainty(empty=7.0)(bare).tolist() == [7.0]
    with pytest.raises(UsageError, match="unknown score of boxes"):
        BoxUncertainty("entropie")(view)


def test_the_sum_prefers_crowded_images() -> None:
    view = BoxView.random(n=60)
    counts = np.diff(said(view.stat("sites")).offsets)
    by_sum, by_max = (np.argsort(-BoxUncertainty(by=by)(view))[:15] for by in ("sum", "max"))
    assert counts[by_sum].mean() > counts[by_max].mean() > counts.mean()


def test_rare_classes_weigh_more() -> None:
    view = BoxView.random(n=30, labelled=40)
    weights = rarity(view)
    boxes = said(view.stat("sites", "labelled"))
    counts = np.bincount(boxes.extra["label"][boxes.extra["score"] >= 0.5], minlength=C)
    assert weights == pytest.approx((counts.sum() + C) / (counts + 1.0))
    assert weights.argmax() == counts.argmin()
    assert rarity(dataclasses.replace(view, labelled=[])).tolist() == [1.0] * C
    assert (BoxUncertainty(balanced=True)(view) != BoxUncertainty()(view)).any()


def test_levels_that_agree_have_no_margin() -> None:
    box = np.array([[10.0, 10, 30, 30]] * (FINE**2 + 1))
    agree = np.tile([0.7, 0.1, 0.1, 0.1], (FINE**2 + 1, 1))
    kept = np.zeros(FINE**2 + 1)
    kept[0] = 1
    assert LayerMargin()(one_item(agree, box, kept)) == pytest.approx([0.0])
    differ = agree.copy()
    differ[FINE**2] = [0.2, 0.1, 0.1, 0.6]  # the only place of the coarse level that overlaps
    assert LayerMargin()(one_item(differ, box, kept)) == pytest.approx([0.5])
    alone = one_item(agree[:3], box[:3], np.array([1.0, 0, 0]))  # one level only speaks about the box
    assert LayerMargin()(alone) == pytest.approx([0.0])
    scores = LayerMargin()(BoxView.random(n=80))
    assert (scores >= 0).all() and (scores <= 1).all() and (scores > 0).any()
    assert (LayerMargin(by="sum")(BoxView.random(n=80)) >= scores).all()


def test_a_constant_map_has_no_divergence() -> None:
    view = BoxView.random(n=2)
    raw = view.stat("sites").copy()
    raw[0, :, : C + 1] = 0.25
    scores = NeighbourDivergence()(view.filled("sites", raw))  # type: ignore[arg-type]
    assert scores[0] == pytest.approx(0.0, abs=1e-12) and scores[1] > 0.01
    assert NeighbourDivergence(radius=0)(view) == pytest.approx([0.0, 0.0], abs=1e-12)
    assert NeighbourDivergence(rows=1, columns=1)(view) == pytest.approx(NeighbourDivergence(rows=1, columns=1)(view))
    assert (NeighbourDivergence(rows=1, columns=1)(view) >= NeighbourDivergence(rows=4, columns=4)(view)).all(), "the maximum is at least the mean of maxima"


def test_maps_are_the_places_in_their_order() -> None:
    raw = BoxView.random(n=3).stat("sites")
    maps = object_maps(said(raw))
    assert [one.shape for one in maps] == [(3, FINE, FINE), (3, COARSE, COARSE)]
    assert maps[0] == pytest.approx(1 - raw[:, : FINE**2, C].reshape(3, FINE, FINE)) and maps[1] == pytest.approx(
        1 - raw[:, FINE**2 :, C].reshape(3, COARSE, COARSE)
    )


def test_two_equal_classifiers_have_no_discrepancy() -> None:
    same = np.full((PLACES, C + 1), 0.25)
    assert HeadDiscrepancy()(one_item(same)) == pytest.approx([0.0])
    probs = np.array([[0.7, 0.1, 0.1, 0.1]])  # the view's other classifier says the same in reverse
    view = one_item(probs)
    raw = view.stat("sites")[0, :, : C + 1]
    each = np.square(raw - raw[:, ::-1]).mean(axis=1)
    assert HeadDiscrepancy()(view) == pytest.approx([each.mean()]) and HeadDiscrepancy(k=1)(view) == pytest.approx([each.max()])
    assert HeadDiscrepancy(k=5)(view) == pytest.approx([np.sort(each)[-5:].mean()])


def test_what_is_no_detector_is_refused() -> None:
    class Plain(FakeView):
        def fold(self, name: str, fn: Any, of: str = "candidates", places: Any = None) -> Any:
            bare = said(BoxView.random(n=4).stat("sites"))
            return fn(dataclasses.replace(bare, extra={}, items={}))

    view = Plain(candidates=list("abcd"))
    for score in (LayerMargin(), NeighbourDivergence(), HeadDiscrepancy()):
        with pytest.raises(CapabilityError):
            score(view)


def test_cald_takes_what_changes_and_then_what_the_labels_lack() -> None:
    view = BoxView.random(n=20, labelled=10)
    views = np.zeros((20, 1 + C))
    views[:, 0], views[:, 1] = 0.5, 0.9  # all alike: class 0, far from the wanted consistency
    views[3], views[7], views[11] = [0.0, 0, 0, 0], [0.01, 0, 0.9, 0], [0.02, 0.9, 0, 0]
    lean = view.filled("box_views", views)
    raw = view.stat("sites", "labelled").copy()
    raw[..., : C + 1], raw[..., -1] = [0.9, 0.02, 0.02, 0.06], 1.0  # the labelled images show class 0 only
    full = dataclasses.replace(lean, stats={**lean.stats, "labelled": {**lean.stats["labelled"], "sites": raw}})
    assert class_counts(full).tolist() == [10.0 * PLACES, 0, 0]
    chosen = CALD(wide=1.5).select(full, 2, rng())
    assert chosen.ids == (view.candidates[3], view.candidates[7]), "no box first, then the class that nobody labelled, of the three that change most"
    assert CALD(wide=1.0).select(full, 1, rng()).ids == (view.candidates[3],)
    # With the batch counted, a second image of the same new class is less wanted.
    views[11] = [0.02, 0, 0.9, 0]
    views[12] = [0.02, 0, 0, 0.9]
    again = dataclasses.replace(full.filled("box_views", views), labelled=[])
    assert CALD(wide=2.0).select(again, 3, rng()).ids[0] == view.candidates[3]
    assert set(CALD(wide=1.4).select(again, 3, rng()).ids) == {view.candidates[row] for row in (3, 7, 12)}


def test_ppal_lists_by_difficulty_and_takes_medoids() -> None:
    view = BoxView.random(n=40)
    quality = np.tile([0.0, 0.5, 1.0], (40, 1))
    full = view.filled("class_quality", quality)
    boxes, weights = said(view.stat("sites")), class_weights(np.array([0.0, 0.5, 1.0]))
    score = boxes.extra["score"]
    each = -(score * np.log(score) + (1 - score) * np.log(1 - score)) * weights[boxes.extra["label"]]
    wanted = np.bincount(boxes.owner, each * (score >= 0.05), minlength=40)
    assert PPAL().scored(full) == pytest.approx(wanted)
    chosen = PPAL(wide=2).select(full, 5, rng())
    best = {view.candidates[row] for row in np.argsort(-wanted, kind="stable")[:10]}
    assert set(chosen.ids) <= best and len(set(chosen.ids)) == 5
    assert PPAL(wide=1).select(full, 5, rng()).ids != PPAL(wide=8).select(full, 5, rng()).ids


def test_distances_between_sets_of_boxes() -> None:
    sets = box_sets(BoxView.random(n=12), np.arange(12))
    told = distances(sets)
    assert np.array_equal(told, told.T) and (np.diag(told) == 0).all() and told.max() <= 2.0
    empty = [number for number, one in enumerate(sets) if not len(one[0])]
    for number in empty:
        assert all(told[number, other] == (0.0 if other in empty else 2.0) for other in range(12) if other != number)
