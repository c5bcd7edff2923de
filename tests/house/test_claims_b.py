"""What the pages of claims 6 to 10 add: comparisons of runs that share no data, and of what may lose no more than a margin."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

stats = pytest.importorskip("scipy.stats")
GEN = Path(__file__).parents[2] / "docs" / "gen"
UP = {seed: 1.0 + 0.1 * (seed % 3) for seed in range(10)}
WIDE = {seed: 0.7 + 0.3 * (seed % 2) for seed in range(12)}


@pytest.fixture(scope="module")
def claims() -> Iterator[Any]:
    """The module docs/gen/claims_b.py, importable for this file only."""
    sys.path.insert(0, str(GEN))
    try:
        yield import_module("claims_b")
    finally:
        sys.path.remove(str(GEN))
        for name in ("claims_a", "claims_b"):
            sys.modules.pop(name, None)


def test_runs_that_share_no_data_are_compared_by_welch(claims: Any) -> None:
    pair = claims.Unpaired(1, "", UP, WIDE, "more").pair
    naive = stats.ttest_ind(list(UP.values()), list(WIDE.values()), equal_var=False)
    low, high = naive.confidence_interval()
    assert (pair.p, pair.low, pair.high, pair.n) == pytest.approx((naive.pvalue, low, high, 10))
    assert claims.answers([claims.Unpaired(1, "", UP, WIDE, "more")])[0][2] == "as stated"


def test_no_more_than_the_margin_may_be_lost_and_anything_gained(claims: Any) -> None:
    def said(loss: float) -> str:
        other = {seed: value + loss + 0.001 * (-1) ** seed for seed, value in UP.items()}
        return str(claims.answers([claims.AtLeast(1, "", UP, other, "same", 1.0, 0.005)])[0][2])

    assert said(-0.3) == said(0.002) == "as stated"
    assert said(0.02) == "the opposite"
