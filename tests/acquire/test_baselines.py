"""Balanced and stratified random draws."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from querist.acquire.baselines import RandomBalanced, RandomStratified
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def skewed() -> tuple[FakeView, np.ndarray]:
    """Sixty candidates, predicted classes 45 : 12 : 3."""
    classes = np.repeat([0, 1, 2], [45, 12, 3])
    probs = np.full((60, 1, 3), 0.1, dtype=np.float32)
    probs[np.arange(60), 0, classes] = 0.8
    view = FakeView.random(n=60).filled("probs", probs)
    return view, classes


def test_balanced_takes_every_predicted_class_in_turn() -> None:
    view, classes = skewed()
    own = dict(zip(view.candidates, classes.tolist(), strict=True))
    for seed in range(10):
        chosen = RandomBalanced().select(view, 12, stream(seed, 1, "select"))
        assert all({own[item] for item in chosen.ids[turn : turn + 3]} == {0, 1, 2} for turn in (0, 3, 6))
        assert Counter(own[item] for item in chosen.ids[9:]) in ({0: 2, 1: 1}, {0: 1, 1: 2})


def test_balanced_is_uniform_over_classes_and_within_them() -> None:
    chisquare = pytest.importorskip("scipy.stats").chisquare

    view, classes = skewed()
    rng, counts = stream(0, 1, "select"), Counter[str]()
    for _ in range(3000):
        counts.update(RandomBalanced().select(view, 1, rng).ids)
    wanted = 3000 / 3 / np.bincount(classes)[classes]
    assert chisquare([counts[item] for item in view.candidates], wanted).pvalue > 1e-4


def test_stratified_shares_are_exact_and_every_item_is_as_likely() -> None:
    chisquare = pytest.importorskip("scipy.stats").chisquare

    sizes = np.array([40, 20, 12, 8])
    own = np.repeat(np.arange(4), sizes)
    features = (np.eye(4)[own] * 100 + stream(0, 0, "oracle").normal(size=(80, 4)) * 0.1).astype(np.float32)
    rows = {"candidates": np.arange(80), "labelled": np.arange(0), "pending": np.arange(0)}
    view = FakeView.of([str(i) for i in range(80)], rows, features, np.full((80, 1, 2), 0.5, dtype=np.float32), [])
    rng, counts = stream(0, 1, "select"), np.zeros(80)
    for _ in range(400):
        picks = np.array([int(item) for item in RandomStratified(strata=4).select(view, 20, rng).ids])
        assert np.bincount(own[picks], minlength=4).tolist() == [10, 5, 3, 2]
        counts[picks] += 1
    # Counts without replacement vary less than multinomial ones: a large statistic still betrays a bias, a small one none.
    assert chisquare(counts).pvalue > 1e-4


def test_stratified_learns_its_strata_from_a_sample_of_large_pools() -> None:
    view = FakeView.random(n=200)
    chosen = RandomStratified(strata=5, sample=50).select(view, 20, stream(0, 1, "select"))
    assert len(set(chosen.ids)) == 20 and all("of 200 candidates" in why for why in chosen.note)
