"""What counts as a distribution."""

from __future__ import annotations

import numpy as np
import pytest

from querist.kernels import simplex
from querist.kernels.simplex import first_improper

pytestmark = pytest.mark.torchless


@pytest.mark.parametrize("items", [8, 1 << 18])
@pytest.mark.parametrize(("slip", "fine"), [(0.0005, True), (-0.0005, True), (0.002, False), (-0.002, False)])
def test_sums_may_miss_one_by_the_tolerance_and_no_more(monkeypatch: pytest.MonkeyPatch, items: int, slip: float, fine: bool) -> None:
    monkeypatch.setattr(simplex, "ITEMS", items)
    probs = np.full((9, 2, 4), 0.25)
    probs[6, 1, 0] += slip
    assert first_improper(probs) == (None if fine else 6)


@pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf])
def test_the_first_bad_row_is_named(bad: float) -> None:
    probs = np.full((9, 1, 4), 0.25)
    probs[4, 0] = [bad, 0.5 - bad if np.isfinite(bad) else 0.5, 0.25, 0.25]
    probs[7] = 9.0
    assert first_improper(probs) == 4
