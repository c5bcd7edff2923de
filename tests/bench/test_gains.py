"""Gains retained: Fieller's interval against simulation and by hand, and shares only where there is a gain."""

from __future__ import annotations

import numpy as np
import pytest

from querist.bench.gains import fieller, retained

BUDGETS = (10, 20, 30)


def curves(gain, n=6, noise=0.01, seed=0):
    rng = np.random.default_rng(seed)
    base = {s: tuple(0.5 + noise * rng.normal(size=3)) for s in range(n)}
    return {"random": base, "m": {s: tuple(np.add(base[s], gain + 0.2 * noise * rng.normal(size=3))) for s in range(n)}}


def test_half_the_gain_is_half():
    (row,) = retained("other", BUDGETS, curves(0.10), curves(0.05, seed=1))
    assert row.original.difference == pytest.approx(0.10, abs=0.004) and row.original.verdict == "better"
    assert row.share == pytest.approx(0.5, abs=0.05) and row.low < row.share < row.high
    assert row.change.difference == pytest.approx(row.transferred.difference - row.original.difference)
    assert row.original.curve == pytest.approx([0.1] * 3, abs=0.01)


def test_the_same_curves_retain_everything_exactly():
    both = curves(0.1)
    (row,) = retained("same", BUDGETS, both, both)
    assert (row.share, row.low, row.high) == pytest.approx((1.0, 1.0, 1.0)) and row.change.difference == 0


@pytest.mark.parametrize("original", [curves(0.0), curves(-0.1), curves(0.1, n=4)])
def test_without_a_shown_gain_there_is_no_share(original):
    (row,) = retained("other", BUDGETS, original, curves(0.05))
    assert row.share is row.low is row.high is None


def test_seeds_are_joined_by_id():
    original, moved = curves(0.1), curves(0.1)
    moved["m"] = {seed: curve for seed, curve in reversed(moved["m"].items()) if seed != 2}
    (row,) = retained("other", BUDGETS, original, moved)
    assert row.original.n == row.transferred.n == row.change.n == 5 and row.change.difference == 0


def test_fieller_by_hand_and_its_coverage():
    # Constant denominator: the t interval of the mean, divided by it.
    x = np.array([1.0, 2.0, 3.0])
    half = 4.302652729749464 * 1.0 / 3**0.5
    assert fieller(x, np.full(3, 2.0)) == pytest.approx(((2 - half) / 2, (2 + half) / 2))
    assert fieller(x, np.array([-1.0, 0.0, 1.0])) == (None, None), "a denominator that may be 0"
    rng, hits = np.random.default_rng(0), 0
    for _ in range(1000):
        common = rng.normal(size=8)
        low, high = fieller(0.5 + 0.1 * (common + rng.normal(size=8)), 1 + 0.2 * (common + rng.normal(size=8)))
        hits += low <= 0.5 <= high
    assert 925 <= hits <= 975
