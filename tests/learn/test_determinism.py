"""The same bits in every process (level L1), whatever the order of rows, tells and names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parent / "two_rounds.py"


@pytest.fixture(scope="module")
def results() -> list[dict[str, Any]]:
    """What two processes say."""
    runs = [
        subprocess.Popen([sys.executable, str(SCRIPT), *variants], stdout=subprocess.PIPE, text=True) for variants in (["plain"], ["mixed", "people", "plain"])
    ]
    return [json.loads(run.communicate(timeout=240)[0]) for run in runs]


def test_the_run_is_worth_comparing(results: list[dict[str, Any]]) -> None:
    first, second = results[0]["plain"]
    assert (first["labels"], second["labels"]) == (20, 30) and len(second["ranking"]) >= 10
    assert first["model"] != second["model"] and first["ranking"] != second["ranking"]
    assert second["asked"] == first["ranking"][:10] and second["metrics"]["accuracy"] > 0.3


def test_two_processes_agree_to_the_bit(results: list[dict[str, Any]]) -> None:
    assert results[0]["plain"] == results[1]["plain"]


def test_the_order_of_the_pools_rows_does_not_enter(results: list[dict[str, Any]]) -> None:
    assert results[1]["mixed"] == results[0]["plain"]


def test_who_told_in_which_order_does_not_enter(results: list[dict[str, Any]]) -> None:
    assert results[1]["people"] == results[0]["plain"]
