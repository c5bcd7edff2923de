"""The examples keep their promises: a strategy of a few lines that is a strategy, run by its import path by the real program."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from querist.core.rng import stream
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.supervised import Steps, Supervised
from querist.testing import AcquisitionContract, SchemeContract
from querist.testing.fake_view import FakeView

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example's strategy, imported by the path that its users type."""
    monkeypatch.syspath_prepend(str(ROOT))
    return import_module("examples.add_a_strategy").Mine()


class TestMine(AcquisitionContract):
    @pytest.fixture
    def acquisition(self, mine: Any) -> Any:
        return mine


def test_it_takes_the_predicted_classes_in_turn(mine: Any) -> None:
    probs = np.array([[0.5, 0.4, 0.1], [0.5, 0.45, 0.05], [0.5, 0.3, 0.2], [0.0, 0.9, 0.1], [0.1, 0.0, 0.9]], dtype=np.float32)[:, None]
    view = FakeView.random().take(np.arange(5)).filled("probs", probs)
    chosen = mine.select(view, 4, stream(0, 1, "select"))
    assert chosen.ids == tuple(view.candidates[row] for row in (1, 3, 4, 0))
    assert chosen.note == ("turn 1", "turn 1", "turn 1", "turn 2")


def test_it_is_at_most_twenty_lines() -> None:
    tree = ast.parse((ROOT / "examples/add_a_strategy.py").read_text(encoding="utf-8"))
    strategy = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    assert strategy.end_lineno is not None
    assert strategy.end_lineno - strategy.decorator_list[0].lineno + 1 <= 20


def test_it_runs_by_its_import_path(tmp_path: Path) -> None:
    options = ["--method", "examples.add_a_strategy:Mine", "--seeds", "1", "--budget", "60", "--out", str(tmp_path / "study"), "--json"]
    command = [sys.executable, "-m", "querist.cli.main", "run", "digits", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found["methods"]) == ["random", "examples.add_a_strategy:Mine"]
    assert found["budgets"][-1] == 60 and len(found["methods"]["examples.add_a_strategy:Mine"]["curve"][0]) == 3


class TestTurned(SchemeContract):
    @pytest.fixture
    def scheme(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.syspath_prepend(str(ROOT))
        return import_module("examples.add_a_scheme").Turned(Supervised(steps=Steps(0.0, 30, 30)))

    def test_unlabelled_images_teach_the_network(self, scheme: Any, data: TrainingSet, pooled: TrainingSet) -> None:
        plain, turned = self.fit(scheme, data), self.fit(scheme, pooled)
        assert turned[1].unlabelled > 0 == plain[1].unlabelled and set(turned[1].modules) == {"quarters"}
        assert not torch.equal(plain[0].last.weight, turned[0].last.weight)


def test_a_scheme_is_at_most_sixty_lines() -> None:
    text = (ROOT / "examples/add_a_scheme.py").read_text(encoding="utf-8")
    code = [line for line in text[text.index("from __future__") :].splitlines() if line.strip()]
    assert len(code) <= 60, "imports, scheme and all, but for the words on top"


def test_a_scheme_runs_by_its_import_path(tmp_path: Path) -> None:
    options = ["--scheme", "examples.add_a_scheme:Turned", "--seeds", "1", "--budget", "40", "--out", str(tmp_path / "study"), "--json"]
    command = [sys.executable, "-m", "querist.cli.main", "run", "digits", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "study" / "runs" / "random-0.json").read_text(encoding="utf-8"))
    assert record["parts"]["learner"]["scheme"]["use"] == "examples.add_a_scheme:Turned"
    assert record["rounds"][-1]["unlabelled"][0] > 0 and record["peak_mb"] > 100


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_it_runs_as_a_script(script: Path, tmp_path: Path) -> None:
    if script.name == "your_segmenter.py":
        pytest.importorskip("segmentation_models_pytorch")
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
