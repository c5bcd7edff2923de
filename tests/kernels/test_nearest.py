"""The nearest centre of each point, beside all distances at once."""

from __future__ import annotations

import pytest

from querist.core.rng import stream
from querist.kernels import nearest as module
from querist.kernels.nearest import nearest

pytestmark = pytest.mark.torchless


@pytest.mark.parametrize("rows", [3, 7, 1000])
@pytest.mark.parametrize("far", [0.0, 50.0])
def test_equals_all_distances_at_once_for_any_chunk(monkeypatch: pytest.MonkeyPatch, rows: int, far: float) -> None:
    monkeypatch.setattr(module, "ROWS", rows)
    rng = stream(3, 0, "select")
    x, centres = rng.normal(size=(20, 4)) + far, rng.normal(size=(31, 4)) + far
    centres[17] = centres[5]  # a tie goes to the lower row, in another chunk too
    x[0] = centres[17]
    all_of_them = ((x[:, None] - centres[None]) ** 2).sum(axis=2)
    row, squares = nearest(x, centres)
    assert row.tolist() == all_of_them.argmin(axis=1).tolist() and row[0] == 5
    assert squares == pytest.approx(all_of_them.min(axis=1), abs=1e-9)
