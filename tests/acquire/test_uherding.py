"""Uncertainty herding: its two limits, the radius, the temperature."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.coverage import FacilityLocation
from querist.acquire.scores import Margin
from querist.acquire.uherding import UHerding, probe
from querist.acquire.unit import Unit
from querist.core.rng import stream
from querist.kernels import herding, information, neighbours, tempering
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def rng() -> np.random.Generator:
    return stream(0, 1, "select")


def test_between_maxherding_and_margin() -> None:
    view = FakeView.random(n=150, labelled=12)
    nothing = replace(view, labelled=[], labels=[], pending=[])
    maxherding = Compose(embed=Unit(), selector=FacilityLocation(similarity=herding.Gaussian()))
    assert UHerding().select(nothing, 10, rng()).ids == maxherding.select(nothing, 10, rng()).ids
    # Two labelled twins but for a hair: the radius is tiny, every item covers itself only.
    features = view.stats["labelled"]["features"].copy()
    features[1] = features[0] * np.array([1.0, 1.0, 1.0, 1.0, 1.0001], dtype=np.float32)
    narrow = replace(view, stats={**view.stats, "labelled": {**view.stats["labelled"], "features": features}})
    assert UHerding(temperature=1.0).select(narrow, 10, rng()).ids == Compose(score=Margin()).select(view, 10, rng()).ids


def test_it_equals_its_definition() -> None:
    view = FakeView.random(n=90, labelled=12, pending=3)
    x, covered = neighbours.unit(view.stat("features")).astype(np.float64), Unit().covered(view).astype(np.float64)
    gaps = np.sqrt(((covered[:, None] - covered) ** 2).sum(axis=2))
    width = gaps[np.triu_indices(15, 1)].min()
    scaled = np.log(information.predictive(view.stat("probs"))) / 2.5
    p = np.sort(np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True), axis=1)
    u = 1 - (p[:, -1] - p[:, -2])
    alike = np.exp(-((x[:, None] - x) ** 2).sum(axis=2) / width**2)
    best = np.exp(-((x[:, None] - covered) ** 2).sum(axis=2) / width**2).max(axis=1)
    wanted = []
    for _ in range(15):
        gain = u @ np.maximum(alike - best[:, None], 0)
        gain[wanted] = -1
        wanted.append(int(gain.argmax()))
        best = np.maximum(best, alike[wanted[-1]])
    chosen = UHerding(temperature=2.5).select(view, 15, rng())
    assert [view.candidates.index(item) for item in chosen.ids] == wanted
    assert f"radius {width:.3g}, temperature 2.5" in chosen.note[0]


def test_the_radius_shrinks_as_labels_come_in() -> None:
    view = FakeView.random(n=50, labelled=30, pending=0)
    radii = []
    for count in (2, 10, 30):
        stats = {**view.stats, "labelled": {name: value[:count] for name, value in view.stats["labelled"].items() if name == "features"}}
        fewer = replace(view, labelled=view.labelled[:count], labels=view.labels[:count], stats=stats)
        radii.append(neighbours.smallest_gap(Unit().covered(fewer)))
    assert radii[0] >= radii[1] >= radii[2] > 0


def test_equal_weights_until_something_can_be_held_out() -> None:
    view = FakeView.random(n=40, labelled=2, pending=0)
    one_each = replace(view, labels=[0, 1])
    assert "equal weights" in UHerding().select(one_each, 2, rng()).note[0]
    assert probe(np.eye(2), np.array([0, 1])) is None and probe(np.eye(4), np.zeros(4, dtype=np.int64)) is None
    assert "temperature 1)" in UHerding().select(replace(view, labels=[]), 2, rng()).note[0]


def test_a_bold_probe_is_tempered_and_unseen_classes_count_as_wrong() -> None:
    pytest.importorskip("sklearn")
    generator = stream(0, 0, "oracle")
    labels = np.arange(60) % 3
    noisy = neighbours.unit(np.eye(3)[labels] * 0.3 + generator.normal(size=(60, 3)))
    held_out = probe(noisy, labels)
    assert held_out is not None and held_out.shape == (60, 3)
    np.testing.assert_allclose(held_out.sum(axis=1), 1.0)
    assert tempering.best_temperature(held_out, labels, np.arange(1.0, 20.0, 0.1)) > 1.0
    rare = np.where(np.arange(60) == 59, 3, labels)
    wide = probe(noisy, rare)
    assert wide is not None and wide.shape == (60, 4) and wide[59, 3] == 0


def test_a_large_pool_is_sampled() -> None:
    view = FakeView.random(n=300)
    chosen = UHerding(sample=100, temperature=1.5).select(view, 5, rng())
    assert all("100 of 300" in why for why in chosen.note) and len(set(chosen.ids)) == 5
