"""Every benchmark runs in its quick form, prints its table and leaves it as JSON. What it measures is judged on an idle machine only."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_it_runs_quickly(script: Path, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(script), "--quick", "--out", str(tmp_path)], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / f"{script.stem}.json").read_text(encoding="utf-8"))
    assert found["quick"] and all(row["what"] in done.stdout for row in found["rows"])
    # These are no matter of speed.
    assert all(row["value"] == 0 for row in found["rows"] if row["what"].endswith(("leased twice", "annotations lost")))


def test_there_are_benchmarks() -> None:
    assert [script.stem for script in SCRIPTS] == ["coverage", "heart", "learning", "people", "scores", "selection"]
