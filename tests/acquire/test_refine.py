"""REFINE: the pool shrinks as published, and the last method chooses from what is left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from querist.acquire.compose import Random
from querist.acquire.refine import Refine
from querist.core.errors import UsageError
from querist.core.records import Selection
from querist.core.rng import stream
from querist.testing import FakeView

pytestmark = pytest.mark.torchless


@dataclass(frozen=True)
class Largest:
    """The k largest first features, free of any kernel."""

    needs: frozenset[str] = frozenset({"features"})

    def select(self, view: Any, k: int, rng: np.random.Generator) -> Selection:
        order = np.argsort(-view.stat("features")[:, 0], kind="stable")[:k]
        return Selection(tuple(view.candidates[row] for row in order), (0.0,) * len(order))


LARGEST = Largest()


@dataclass(frozen=True)
class Spy:
    """A method with a memory of the pools that it saw and of what it chose."""

    inner: Any = LARGEST
    pools: list[tuple[str, ...]] = field(default_factory=list, compare=False)
    chosen: list[str] = field(default_factory=list, compare=False)
    needs: frozenset[str] = frozenset({"features"})

    def select(self, view: FakeView, k: int, rng: np.random.Generator) -> Selection:
        self.pools.append(tuple(view.candidates))
        chosen: Selection = self.inner.select(view, k, rng)
        self.chosen.extend(chosen.ids)
        return chosen


def pool(n: int) -> FakeView:
    return FakeView([f"item-{row}" for row in range(n)], stats={"candidates": {"features": stream(n, 0, "oracle").normal(size=(n, 3))}})


def test_the_pool_is_refined_as_published() -> None:
    """Union of all batches, next parts of α times its size, the batch from the last union."""
    view, spies, last = pool(300), (Spy(), Spy(Random())), Spy()
    chosen = Refine(spies, last, depth=3, alpha=0.5, batches=4, first=100).select(view, 4, stream(0, 1, "select"))
    assert all(len(spy.pools) == 3 * 4 and len(spy.chosen) == 3 * 4 * 4 for spy in spies)
    size, left = 100, set(view.candidates)
    for turn in range(3):
        parts = [set(part) for spy in spies for part in spy.pools[4 * turn : 4 * turn + 4]]
        assert all(len(part) == size and part <= left for part in parts)
        left = {item for spy in spies for item in spy.chosen[16 * turn : 16 * turn + 16]}
        size = max(4, len(left) // 2)
    assert len(last.pools) == 1 and set(last.pools[0]) == left
    assert chosen.ids == LARGEST.select(view.take(np.array([view.candidates.index(item) for item in last.pools[0]])), 4, stream(0, 1, "select")).ids
    assert list(last.pools[0]) == [item for item in view.candidates if item in set(last.pools[0])], "in canonical order"
    assert all(note.startswith(f"{len(last.pools[0])} of 300 candidates are left after 3 rounds") for note in chosen.note)


def test_everything_that_a_method_chose_stays_for_the_next_round() -> None:
    view, last = pool(200), Spy()
    Refine((LARGEST,), last, depth=1, batches=1, first=10_000).select(view, 7, stream(0, 1, "select"))
    assert set(last.pools[0]) == set(LARGEST.select(view, 7, stream(0, 1, "select")).ids)


def test_without_depth_it_is_the_last_method() -> None:
    view = FakeView.random()
    assert Refine(("random",), LARGEST, depth=0).select(view, 5, stream(0, 1, "select")).ids == LARGEST.select(view, 5, stream(0, 1, "select")).ids


def test_a_large_union_is_cut() -> None:
    view, last = pool(200), Spy()
    Refine((Random(),), last, depth=1, batches=30, most=12).select(view, 5, stream(0, 1, "select"))
    assert len(last.pools[0]) == 12


def test_it_needs_what_its_methods_need() -> None:
    assert Refine(("margin", "coreset"), Random()).needs == {"probs", "features"}
    assert Refine().needs >= {"probs", "features", "gradients", "mix_flip", "head_samples"}


def test_refusals() -> None:
    view = FakeView.random()
    for wrong in (Refine(()), Refine(depth=-1), Refine(alpha=0.0), Refine(batches=0)):
        with pytest.raises(UsageError, match="REFINE cannot"):
            wrong.select(view, 3, stream(0, 1, "select"))
    with pytest.raises(UsageError, match="unknown strategy"):
        Refine(("no-such-row",)).select(view, 3, stream(0, 1, "select"))
