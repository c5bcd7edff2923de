"""Entity resolution picks likely false positives and likely false negatives; ActiveLink the most uncertain of every cluster."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from querist.acquire.both_sides import BothSides
from querist.core import catalogue
from querist.core.rng import stream
from querist.core.sites import even
from querist.kernels.folding import Aggregator
from querist.kernels.information import entropy
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


def rng(seed: int = 0) -> np.random.Generator:
    return stream(seed, 1, "select")


def pairs(p: list[float]) -> FakeView:
    """Candidates with these probabilities of yes."""
    yes = np.array(p, dtype=np.float32)
    return FakeView([f"p{row}" for row in range(len(p))], classes=2, stats={"candidates": {"probs": np.stack([1 - yes, yes], axis=1)[:, None]}})


P = [0.9, 0.6, 0.55, 0.45, 0.2, 0.01]


def test_half_of_each_side_and_the_most_uncertain_of_it() -> None:
    chosen = BothSides().select(pairs(P), 2, rng())
    assert chosen.ids == ("p2", "p3"), "methods_c §9: likely false positive .55, likely false negative .45"
    assert BothSides().select(pairs(P), 4, rng()).ids == ("p2", "p3", "p1", "p4")
    assert "called class 1 (p = 0.55)" in chosen.note[0] and "called class 0 (p = 0.55)" in chosen.note[1]
    view = FakeView.random(n=300, c=2)
    picked = BothSides().select(view, 20, rng()).ids
    probs = view.stat("probs").mean(axis=1)
    called, scores = probs[:, 1] >= 0.5, entropy(view.stat("probs"))
    for side in (True, False):
        rows = np.flatnonzero(called == side)
        wanted = {view.candidates[row] for row in rows[np.argsort(-scores[rows], kind="stable")[:10]]}
        assert {item for item in picked if called[list(view.candidates).index(item)] == side} == wanted


def test_with_one_side_alone_it_is_plain_entropy() -> None:
    high = [0.5, 0.99, 0.7, 0.6, 0.95]
    assert BothSides().select(pairs(high), 3, rng()).ids == ("p0", "p3", "p2")
    assert set(BothSides().select(pairs([*high, 0.1]), 4, rng()).ids) == {"p0", "p3", "p2", "p5"}, "and a short side is filled up from the other"


def test_more_classes_have_equal_shares() -> None:
    view = FakeView.random(n=400, c=4)
    called = dict(zip(view.candidates, view.stat("probs").mean(axis=1).argmax(axis=1).tolist(), strict=True))
    shares = Counter(called[item] for item in BothSides().select(view, 20, rng()).ids)
    assert sorted(shares.values()) == [5, 5, 5, 5]


def test_all_entities_mean_of_the_fixture() -> None:
    """methods_c §9, ActiveLink: p̄ = (.5, .5) and (1, 0)."""
    yes = np.array([[[0.5], [0.5]], [[1.0], [0.0]]]).reshape(4, 1)
    said = even(2, 2, probs=np.stack([1 - yes, yes], axis=-1))
    assert said.probs is not None
    assert Aggregator("mean")(entropy(said.probs), said).tolist() == pytest.approx([0.693147, 0.0], abs=1e-6)


def test_structured_uncertainty_is_entropy_within_clusters() -> None:
    pytest.importorskip("sklearn")
    view = FakeView.random(n=300)
    tight = np.repeat(np.eye(4, 5, dtype=np.float32) * 50, [150, 90, 50, 10], axis=0)
    view = view.filled("features", tight + view.stat("features") * 0.01)
    own = np.repeat(np.arange(4), [150, 90, 50, 10])
    chosen = [list(view.candidates).index(item) for item in catalogue.acquisition("activelink").select(view, 8, rng()).ids]
    scores = entropy(view.stat("probs"))
    counts = np.bincount(own[chosen], minlength=4)
    assert counts.sum() == 8 and counts.min() >= 1 and counts[0] > counts[3]
    for cluster in range(4):
        rows = np.flatnonzero(own == cluster)
        assert {row for row in chosen if own[row] == cluster} == set(rows[np.argsort(-scores[rows], kind="stable")[: counts[cluster]]].tolist())
