"""`querist.select` on plain arrays."""

from __future__ import annotations

import numpy as np
import pytest

import querist
from querist.core.errors import CapabilityError, StatisticError, UnknownItemError, UsageError
from querist.core.rng import stream

pytestmark = pytest.mark.torchless

RNG = stream(7, 0, "oracle")
PROBS = RNG.dirichlet(np.ones(4), size=50)
FEATURES = RNG.normal(size=(50, 6)).astype(np.float32)


def test_margin_takes_the_closest_call() -> None:
    ordered = np.sort(PROBS, axis=1)
    wanted = np.argsort(ordered[:, -1] - ordered[:, -2])[:5]
    assert querist.select("margin", 5, probs=PROBS).ids == tuple(str(row) for row in wanted)


def test_row_order_changes_nothing_when_rows_have_ids() -> None:
    ids = [f"x{row}" for row in range(50)]
    order = RNG.permutation(50)
    for method in ("badge", "coreset", "entropy", "random"):
        one = querist.select(method, 8, probs=PROBS, features=FEATURES, ids=ids, seed=3)
        other = querist.select(method, 8, probs=PROBS[order], features=FEATURES[order], ids=[ids[row] for row in order], seed=3)
        assert one.ids == other.ids, method


def test_labelled_and_pending_are_never_chosen_and_count_as_covered() -> None:
    mask = np.zeros(50, dtype=bool)
    mask[:10] = True
    chosen = querist.select("coreset", 40, features=FEATURES, labelled=mask, pending=["11", "12"])
    assert set(chosen.ids) == {str(row) for row in range(50)} - {str(row) for row in range(10)} - {"11", "12"}
    far = querist.select("coreset", 1, features=FEATURES, labelled=mask).ids[0]
    gaps = ((FEATURES[10:, None] - FEATURES[None, :10]) ** 2).sum(axis=2).min(axis=1)
    assert far == str(10 + int(gaps.argmax()))


@pytest.mark.parametrize(
    ("error", "word", "call"),
    [
        (CapabilityError, "probs", lambda: querist.select("margin", 3, features=FEATURES)),
        (UsageError, "whole number", lambda: querist.select("margin", -1, probs=PROBS)),
        (UsageError, "unknown", lambda: querist.select("marign", 3, probs=PROBS)),
        (UsageError, "no_such", lambda: querist.select("margin", 3, probs=PROBS, no_such=1)),
        (StatisticError, "row 0", lambda: querist.select("margin", 3, probs=PROBS * 2)),
        (StatisticError, "different numbers", lambda: querist.select("badge", 3, probs=PROBS, features=FEATURES[:9])),
        (UnknownItemError, "nobody", lambda: querist.select("margin", 3, probs=PROBS, labelled=["nobody"])),
    ],
)
def test_bad_input_is_named(error: type[Exception], word: str, call: object) -> None:
    with pytest.raises(error, match=word):
        call()  # type: ignore[operator]
