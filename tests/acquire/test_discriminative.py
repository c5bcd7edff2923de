"""DAL and its single-query form: where picks come from, mini-queries, cold start."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from querist.acquire.discriminative import Discriminative
from querist.core import catalogue
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def view_of(features: np.ndarray, labelled: np.ndarray) -> FakeView:
    ids = [str(i) for i in range(len(features))]
    rows = {"candidates": np.setdiff1d(np.arange(len(features)), labelled), "labelled": labelled, "pending": np.arange(0)}
    return FakeView.of(ids, rows, features, np.full((len(features), 1, 2), 0.5, dtype=np.float32), [0] * len(labelled))


def blobs(d: int = 4) -> np.ndarray:
    """Rows 0–79 around 0, rows 80–159 around 4."""
    rng = stream(0, 0, "oracle")
    return (np.repeat([0.0, 4.0], 80)[:, None] + rng.normal(size=(160, d))).astype(np.float32)


@pytest.mark.parametrize("name", ["discriminative", "palmprint"])
@pytest.mark.parametrize("d", [4, 32])
def test_picks_come_from_the_blob_without_labels(name: str, d: int) -> None:
    chosen = catalogue.acquisition(name).select(view_of(blobs(d), np.arange(0, 80, 4)), 10, stream(0, 1, "select"))
    # "Nearly all": once B has labels too, DAL may rightly turn to a gap in A.
    assert sum(int(item) >= 80 for item in chosen.ids) >= (10 if name == "palmprint" else 8)
    assert all(0 <= score <= 1 for score in chosen.scores)


def test_mini_queries_divide_the_batch() -> None:
    view = view_of(blobs(), np.arange(10))
    for wanted, queries, k in ((7, 20, 7), (3, 3, 8), (1, 1, 8)):
        notes = Discriminative(mini_queries=queries, steps=5).select(view, k, stream(0, 1, "select")).note
        assert len({why.split(":")[0] for why in notes}) == wanted and len(notes) == k


def test_what_a_mini_query_picked_counts_as_labelled_in_the_next() -> None:
    # Labels in the first of three far blobs: one query takes its whole batch from wherever it is surest, two queries see both.
    rng = stream(1, 0, "oracle")
    centres = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    features = (np.repeat(centres, 40, axis=0) + rng.normal(size=(120, 2)) * 0.3).astype(np.float32)
    view = view_of(features, np.arange(0, 40, 2))
    seen = [{int(item) // 40 for item in Discriminative(mini_queries=2, steps=400).select(view, 2, stream(seed, 1, "select")).ids} for seed in range(5)]
    assert sum(blobs == {1, 2} for blobs in seen) >= 4


def test_labels_spread_like_the_pool_leave_nothing_to_tell() -> None:
    rng = stream(2, 0, "oracle")
    features = rng.normal(size=(400, 2)).astype(np.float32)
    scores = Discriminative(width=2, steps=60, mini_queries=1, ratio=1).select(view_of(features, np.arange(0, 400, 2)), 200, stream(0, 1, "select")).scores
    assert np.median(scores) == pytest.approx(0.5, abs=0.1)


def test_training_stops_before_it_is_perfect() -> None:
    chosen = Discriminative(stop=0.7, mini_queries=1).select(view_of(blobs(), np.arange(0, 80, 4)), 5, stream(0, 1, "select"))
    accuracy, _, steps = chosen.note[0].split("accuracy ")[1].split(" ")[:3]
    assert 0.7 < float(accuracy) < 1.0 and int(steps) < 300


def test_the_first_mini_query_of_a_cold_start_is_random_and_says_so() -> None:
    view = dataclasses.replace(view_of(blobs(), np.arange(2)), labelled=[], labels=[])
    notes = Discriminative(mini_queries=2, steps=5).select(view, 6, stream(0, 1, "select")).note
    assert notes[:3] == ("nothing labelled yet: drawn at random",) * 3 and all(why.startswith("mini-query 2") for why in notes[3:])


def test_pending_counts_as_labelled() -> None:
    labelled = view_of(blobs(), np.arange(12))
    pending = dataclasses.replace(labelled, labelled=[], labels=[], pending=labelled.labelled, stats={**labelled.stats, "pending": labelled.stats["labelled"]})
    short = Discriminative(steps=20)
    assert short.select(labelled, 4, stream(0, 1, "select")) == short.select(pending, 4, stream(0, 1, "select"))
