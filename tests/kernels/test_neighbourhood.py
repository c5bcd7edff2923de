"""The union of exact nearest neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import neighbourhood as module
from querist.kernels.neighbourhood import neighbourhood

pytestmark = pytest.mark.torchless


def naive(x: np.ndarray, anchors: np.ndarray, k: int) -> list[int]:
    found: set[int] = set()
    for anchor in anchors:
        gaps = ((x - anchor) ** 2).sum(axis=1)
        found |= set(sorted(range(len(x)), key=lambda i: (gaps[i], i))[:k])
    return sorted(found)


@given(st.integers(1, 40), st.integers(0, 5), st.integers(0, 45), st.integers(0, 10_000))
def test_equals_brute_force_with_ties(n: int, m: int, k: int, seed: int) -> None:
    rng = stream(seed, 0, "oracle")
    # Whole numbers: many equal distances, so the lower row must win every tie.
    x, anchors = rng.integers(-2, 3, size=(n, 2)).astype(np.float32), rng.integers(-2, 3, size=(m, 2)).astype(np.float32)
    assert neighbourhood(x, anchors, k).tolist() == naive(x.astype(float), anchors.astype(float), k)


def test_far_from_the_origin_and_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    x = stream(0, 0, "oracle").normal(size=(300, 4)) + 1e6
    wanted = naive(x[20:], x[:20], 9)
    assert neighbourhood(x[20:], x[:20], 9).tolist() == wanted
    monkeypatch.setattr(module, "ELEMENTS", 5)
    monkeypatch.setattr(module, "ROWS", 7)
    assert neighbourhood(x[20:], x[:20], 9).tolist() == wanted
