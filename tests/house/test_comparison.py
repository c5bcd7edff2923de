"""docs/results/comparison.md: made from the recorded studies alone, and fresh."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from querist.bench.results import Comparison, LabelSaving, MethodResult, Seconds, Study

GEN = Path(__file__).parents[2] / "docs" / "gen"


@pytest.fixture(scope="module")
def comparison() -> Iterator[Any]:
    sys.path.insert(0, str(GEN))
    try:
        yield import_module("comparison")
    finally:
        sys.path.remove(str(GEN))
        sys.modules.pop("comparison", None)


def study(dataset: str, **lifts: float) -> Study:
    """Six seeds on a rising line, every method lifted by a constant."""
    methods, seeds = {}, list(range(6))
    for place, (name, lift) in enumerate({"random": 0.0, **lifts}.items()):
        curves = [[0.5 + lift + 0.002 * seed + 0.001 * place * (seed % 2) + 0.1 * step for step in range(3)] for seed in seeds]
        methods[name] = MethodResult(seeds=seeds, metric="accuracy", curve=curves, aubc=[row[1] for row in curves], seconds=Seconds())
    rows = [
        Comparison(method=name, baseline="random", measure="aubc", difference=lift, low=lift, high=lift, n=6, p=0.01, verdict="better" if lift > 0 else "worse")
        for name, lift in lifts.items()
    ]
    never = [
        LabelSaving(method=name, baseline="random", at=0.7, ratio=None, low=None, high=None, censored="method", fraction=0.75)
        for name, lift in lifts.items()
        if lift < 0
    ]
    return Study(
        study=dataset, dataset=dataset, spec_sha256="", budgets=[10, 20, 30], methods=methods, comparisons=rows, label_saving=never, out="", report="",
        spec={"batch": 10, "learner": {"recipe": "mlp"}},
    )  # fmt: skip


def test_ranks_savings_and_losers_of_a_small_collection(comparison: Any) -> None:
    sets = {name: study(name, badge=0.05, entropy=-0.03) for name in ("wine", "iris", "digits", "splice")}
    text = comparison.page(sets)
    lines = {line.split(" | ")[0].removeprefix("| "): line.split(" | ") for line in text.partition("## On each set")[0].splitlines() if line.startswith("| ")}
    assert lines["badge"][1] == "1.00" and lines["random"][1] == "2.00" and lines["entropy"][1] == "3.00"
    assert lines["badge"][3] == "4" and lines["entropy"][6] == "4" and lines["entropy"][8].startswith("> ") and " to more)" in lines["entropy"][8]
    found = comparison.saving(sets, "badge", 0.75)
    assert found.better == found.sets == 4 and lines["badge"][8].startswith(comparison.needed(found, 0))
    assert np.exp(-found.difference) == pytest.approx(17.5 / 22.5, abs=0.01)
    assert "| badge | **+5.0** | **+5.0** |" in text and "| entropy | ~~−3.0~~ |" in text
    assert "not under this protocol yet" in text and "bait_top2" in text


def test_a_method_that_some_set_lacks_is_named_and_not_ranked(comparison: Any) -> None:
    sets = {"wine": study("wine", badge=0.05, entropy=0.01), "iris": study("iris", badge=0.05)}
    text = comparison.page(sets)
    assert "Not ranked: entropy (no finished run in iris)." in text and "| entropy |" not in text


def test_the_committed_page_is_fresh(comparison: Any) -> None:
    """But for the list of what is to come: a row that is added to the catalogue changes no number."""

    def numbers(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith("Strategies that are not under this protocol")]

    assert numbers(comparison.PAGE.read_text(encoding="utf-8")) == numbers(comparison.page(comparison.recorded()))
