"""The pages of claims say what the comparisons allow: signs, sameness, too few seeds, one family for the adjustment."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("scipy")
GEN = Path(__file__).parents[2] / "docs" / "gen"
UP = {seed: 1.0 + 0.1 * (seed % 3) for seed in range(10)}
FLAT = {seed: 0.01 * (seed % 2) for seed in range(10)}


@pytest.fixture(scope="module")
def claims() -> Iterator[Any]:
    """The module docs/gen/claims_a.py, importable for this file only."""
    sys.path.insert(0, str(GEN))
    try:
        yield import_module("claims_a")
    finally:
        sys.path.remove(str(GEN))
        sys.modules.pop("claims_a", None)


def said(claims: Any, *stated: Any) -> list[str]:
    return [answer for _, _, answer in claims.answers([claims.Stated(number, "", *rest) for number, rest in enumerate(stated, start=1)])]


def test_the_sign_decides_between_as_stated_and_the_opposite(claims: Any) -> None:
    assert said(claims, (UP, FLAT, "more"), (UP, FLAT, "less"), (FLAT, 0.5, "less")) == ["as stated", "the opposite", "as stated"]


def test_seeds_are_paired_by_id(claims: Any) -> None:
    shuffled = {seed: UP[seed] for seed in reversed(range(10))}
    nearly = {seed: value - 0.01 - 0.001 * (seed % 2) for seed, value in shuffled.items()}
    assert said(claims, (UP, nearly, "more")) == ["as stated"]


def test_few_seeds_and_wide_intervals_show_nothing(claims: Any) -> None:
    noise = {seed: (-1.0) ** seed for seed in range(10)}
    assert said(claims, ({0: 1.0, 1: 1.1}, {0: 0.0, 1: 0.0}, "more"), (noise, 0.1, "more"), (noise, FLAT, "same", 1.0, 0.5)) == ["not shown"] * 3


def test_sameness_needs_the_interval_inside_the_margin_and_difference_outside_zero(claims: Any) -> None:
    near = {seed: value + 0.001 * (seed % 2) for seed, value in UP.items()}
    loose = {seed: value + 0.01 * (-1) ** seed for seed, value in UP.items()}
    assert said(claims, (UP, near, "same", 1.0, 0.005), (UP, loose, "same", 1.0, 0.005), (UP, FLAT, "same")) == ["as stated", "not shown", "the opposite"]


def test_differences_are_adjusted_together_and_sameness_is_not(claims: Any) -> None:
    slight = {seed: (seed % 5) - 1.4 for seed in range(10)}
    alone = claims.answers([claims.Stated(1, "", slight, 0.0, "more")])[0][1]
    family = claims.answers([claims.Stated(1, "", slight, 0.0, "more")] * 3 + [claims.Stated(2, "", UP, UP | {0: 1.001}, "same")])
    assert [p for _, p, _ in family[:3]] == pytest.approx([min(1.0, 3 * alone)] * 3)
    assert family[3][2] == "as stated"
    assert claims.count(family, 2) == "1 of 1" and claims.all_as(family, 2) and not claims.all_as(family, 1, 2)
