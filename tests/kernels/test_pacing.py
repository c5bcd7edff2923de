"""Thresholds over rounds, self-paced weights against numeric minimisation, caps."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from querist.core.rng import stream
from querist.kernels.pacing import capped, hard_weights, linear_weights, pace, threshold


def test_the_threshold_falls_in_a_line_or_adds_up() -> None:
    assert [threshold(0.05, 0.01, t) for t in range(7)] == pytest.approx([0.05, 0.04, 0.03, 0.02, 0.01, 0.0, 0.0])
    level, recursive = 0.05, []
    for t in range(5):
        level -= 0.004 * t
        recursive.append(max(level, 0.0))
    assert [threshold(0.05, 0.004, t, cumulative=True) for t in range(5)] == pytest.approx(recursive)
    assert threshold(0.005, 0.00033, 6, cumulative=True) == 0.0, "never below 0, where public code goes on"
    assert threshold(np.inf, 0.1, 3) == np.inf


def test_the_pace_grows() -> None:
    assert [pace(0.1, 1.2, t) for t in range(3)] == pytest.approx([0.1, 0.12, 0.144])
    assert pace(0.0, 1.5, 9) == 0.0


@pytest.mark.parametrize("level", [0.1, 0.7, 3.0])
def test_weights_minimise_the_self_paced_objective(level: float) -> None:
    losses = np.abs(stream(0, 0, "oracle").normal(size=12))
    hard, linear = hard_weights(losses, level), linear_weights(losses, level)
    for loss, flat, slope in zip(losses, hard, linear, strict=True):

        def found(objective: object) -> float:
            return float(minimize_scalar(objective, bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-9}).x)  # type: ignore[call-overload]

        assert found(lambda v, loss=loss: v * loss - level * v) == pytest.approx(flat, abs=1e-5)
        assert found(lambda v, loss=loss: v * loss + level * (v * v / 2 - v)) == pytest.approx(slope, abs=1e-5)
    assert hard_weights(np.array([0.5]), 0.5).tolist() == [0.0], "not at the level itself"


def test_weights_grow_with_the_level() -> None:
    losses = np.linspace(0.0, 2.0, 21)
    for rule in (hard_weights, linear_weights):
        levels = [rule(losses, level) for level in (0.0, 0.2, 0.5, 1.0, 5.0)]
        assert not levels[0].any()
        assert all((later >= earlier).all() for earlier, later in itertools.pairwise(levels))
        assert all(((weights >= 0) & (weights <= 1)).all() for weights in levels)


def test_caps() -> None:
    rows, groups = np.array([9, 3, 7, 1, 5]), np.array([0, 0, 1, 0, 1])
    assert capped(rows, groups, 10, 2).tolist() == [3, 5, 7, 9]
    assert capped(rows, groups, 3, 2).tolist() == [3, 7, 9]
    assert capped(rows, None, 2, 0).tolist() == [3, 9]
    assert capped(rows[:0], groups[:0], 3, 2).tolist() == []
    assert capped(rows, groups, 3, 0).tolist() == []
