"""GLISTER over a view: what it validates on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from querist.acquire.glister import Glister
from querist.core.errors import StatisticError, UsageError
from querist.core.rng import stream
from querist.kernels.gradients import residual
from querist.kernels.lookahead import taylor_greedy
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def test_it_validates_on_labels_and_on_what_it_believes() -> None:
    view = FakeView.random()
    chosen = Glister().select(view, 6, stream(0, 1, "select"))
    sides = {of: (view.stat("probs", of).mean(axis=1), np.pad(view.stat("features", of), ((0, 0), (0, 1)), constant_values=1.0)) for of in view.stats}
    targets = np.concatenate([sides["candidates"][0].argmax(axis=1), view.labels, sides["pending"][0].argmax(axis=1)])
    logits, held = (np.concatenate([sides[of][part] for of in ("candidates", "labelled", "pending")]) for part in (0, 1))
    rows, gains = taylor_greedy(residual(sides["candidates"][0]), sides["candidates"][1], np.log(logits), targets, held, 6, 0.01)
    assert list(chosen.ids) == [view.candidates[row] for row in rows]
    np.testing.assert_allclose(chosen.scores, gains, rtol=1e-4)
    assert "48 validation items" in chosen.note[0]


def test_labels_count() -> None:
    view = FakeView.random(labelled=30)
    wrong = dataclasses.replace(view, labels=[(label + 1) % 3 for label in view.labels])
    assert Glister().select(view, 10, stream(0, 1, "select")).ids != Glister().select(wrong, 10, stream(0, 1, "select")).ids


def test_labels_that_nobody_told_are_guessed() -> None:
    view = dataclasses.replace(FakeView.random(), labels=[])
    assert len(Glister().select(view, 5, stream(0, 1, "select"))) == 5


def test_a_sample_of_the_candidates_is_drawn() -> None:
    view = FakeView.random(n=200)
    seeds = {Glister(pseudo=5).select(view, 8, stream(seed, 1, "select")).ids for seed in range(4)}
    assert len(seeds) > 1 and "13 validation items" in Glister(pseudo=5).select(view, 1, stream(0, 1, "select")).note[0]


def test_refusals() -> None:
    view = FakeView.random()
    for wrong in (Glister(rate=0.0), Glister(pseudo=0)):
        with pytest.raises(UsageError, match="needs a step"):
            wrong.select(view, 3, stream(0, 1, "select"))
    view.stats["labelled"]["features"] = np.full_like(view.stat("features", "labelled"), np.nan)
    with pytest.raises(StatisticError, match=view.labelled[0]):
        Glister().select(view, 3, stream(0, 1, "select"))
