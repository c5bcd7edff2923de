"""evidence.json names tests that exist and studies as they are recorded; statuses follow from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from querist.core import catalogue

ROOT = Path(__file__).parents[2]


def test_evidence_is_fresh() -> None:
    done = subprocess.run([sys.executable, ROOT / "docs" / "gen" / "evidence.py", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_smoke_runs_are_short() -> None:
    for row in catalogue.rows():
        assert (catalogue.evidence(row["name"]).get("smoke_seconds") or 0) <= 20


def test_no_strategy_is_called_proved_without_a_fair_run() -> None:
    for row in catalogue.rows("strategy"):
        if row["name"] != "random" and catalogue.status(row["name"]) == "proved":
            assert catalogue.evidence(row["name"])["fair_run"]["seeds"] >= 5
