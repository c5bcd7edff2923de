"""Draws over groups: in turn, or by share."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels.allocation import round_robin, systematic

pytestmark = pytest.mark.torchless
GROUPS = st.lists(st.integers(0, 5), min_size=1, max_size=40)


@given(GROUPS, st.integers(0, 50), st.booleans(), st.integers(0, 1000))
def test_turns_are_even_and_whole(groups: list[int], k: int, ranked: bool, seed: int) -> None:
    priority = np.array([3.0, 1.0, 2.0, 2.0, 0.0, 5.0]) if ranked else None
    of = np.array(groups)
    rows = round_robin(of, k, stream(seed, 1, "select"), priority)
    assert len(rows) == min(k, len(of)) == len(set(rows.tolist()))
    taken, sizes = Counter(of[rows].tolist()), Counter(groups)
    turns = max(taken.values(), default=0)
    assert all(taken[group] >= min(size, turns - 1) for group, size in sizes.items())
    assert rows.tolist() == round_robin(of, len(of), stream(seed, 1, "select"), priority).tolist()[:k]
    if priority is not None:
        first_turn = priority[of[rows[: len(sizes)]]]
        assert first_turn.tolist() == sorted(priority[list(sizes)])[:k]


def test_within_a_group_and_among_equal_groups_the_draw_is_uniform() -> None:
    chisquare = pytest.importorskip("scipy.stats").chisquare

    groups, rng = np.array([0, 0, 0, 1, 1, 2]), stream(0, 1, "select")
    counts = np.zeros(6)
    for _ in range(3000):
        counts[round_robin(groups, 1, rng)[0]] += 1
    assert chisquare(counts, 3000 * np.array([1 / 9, 1 / 9, 1 / 9, 1 / 6, 1 / 6, 1 / 3])).pvalue > 1e-4


@given(GROUPS, st.integers(1, 50), st.integers(0, 1000))
def test_shares_are_rounded_up_or_down(groups: list[int], k: int, seed: int) -> None:
    of = np.array(groups)
    rows = systematic(of, k, stream(seed, 1, "select"))
    assert len(rows) == min(k, len(of)) == len(set(rows.tolist()))
    for group, size in Counter(groups).items():
        assert abs((of[rows] == group).sum() - min(k, len(of)) * size / len(of)) < 1 + 1e-9


def test_every_row_is_as_likely_as_any_other() -> None:
    chisquare = pytest.importorskip("scipy.stats").chisquare

    groups, rng = np.array([0, 1, 1, 1, 2, 2, 2]), stream(0, 1, "select")
    counts = np.zeros(7)
    for _ in range(3000):
        counts[systematic(groups, 3, rng)] += 1
    assert chisquare(counts).pvalue > 1e-4
