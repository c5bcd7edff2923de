"""Simulated runs that read features: encoded once for all runs, in full before the first one trains."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from querist.assemble.features import alone, fill
from querist.assemble.parts import inputs
from querist.assemble.simulate import learner_options, simulation
from querist.core.errors import BusyError, PoolError
from querist.data.arrays import ArrayPool
from querist.data.datasets import named
from querist.nets.encoders import TfIdf
from querist.project.project import Project


@pytest.fixture
def root(tmp_path: Path) -> str:
    """120 sentences, no two alike."""
    words = "a film with much love and little plot that one may see twice or never".split()
    rng = np.random.default_rng(0)
    lines = [f"{row}\t{(-1.0, 1.0)[row % 2]}\t{('bad', 'good')[row % 2]} {' '.join(rng.choice(words, 5))} {row}" for row in range(120)]
    (tmp_path / "movieReviewSnippets_GroundTruth.txt").write_text("\n".join(lines), encoding="utf-8")
    return str(tmp_path)


def run(path: Path | str, root: str, method: str = "random", **learner: Any) -> list[dict[str, float]]:
    sizes: dict[str, Any] = {"initial": 6, "batch": 6, "budget": 12, "seed": 0}
    project, oracle = simulation(dataset="movie-sentiment", root=root, method=method, path=path, learner={"steps": 5, **learner}, **sizes)
    with project:
        project.run(oracle)
        return [dict(made.metrics) for made in project.rounds() if made.n]


def test_the_runs_of_a_study_share_their_features(root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    real = TfIdf.open
    monkeypatch.setattr(TfIdf, "open", lambda self, sample: opened.append(len(sample)) or real(self, sample))
    runs = tmp_path / "runs"
    runs.mkdir()
    first = run(runs / "a.querist", root)
    assert opened == [96, 96], "once for the pool, once for the test items, both fitted on the pool alone"
    assert run(runs / "b.querist", root, "margin")[0] == first[0] and opened == [96, 96]
    (home,) = (runs / "features").iterdir()
    assert home.name == replace(named("movie-sentiment", root).pool, part="pool").fingerprint()[:16], "another pool has another place"
    assert not (runs / "a.querist.d" / "features").exists()
    assert run(":memory:", root) == first, "where features lie has no influence on results"


def test_every_item_has_features_before_the_first_round(root: str, tmp_path: Path) -> None:
    run(tmp_path / "a.querist", root)
    (table,) = (tmp_path / "features").glob("*/*/ids.txt")
    (tests,) = (tmp_path / "features").glob("*/*/test/ids.txt")
    assert (len(table.read_text().split()), len(tests.read_text().split())) == (96, 24)


def test_a_run_that_was_left_goes_on_with_the_shared_features(root: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "dataset": "movie-sentiment", "root": root, "method": "random", "seed": 0, "path": tmp_path / "a.querist", "initial": 6, "batch": 6, "budget": 12,
        "learner": {"steps": 5},
    }  # fmt: skip
    simulation(**options)[0].close()
    project, oracle = simulation(**options)
    with project:
        project.run(oracle)
    assert (tmp_path / "features").is_dir() and not (tmp_path / "a.querist.d" / "features").exists()
    with Project.open(tmp_path / "a.querist") as later:  # by anybody, without the study: nothing of it is stored in the project
        assert "features" not in later.spec
        assert later.replay(1).metrics == dict(later.rounds()[1].metrics)


def test_a_set_brings_its_learner_and_a_study_may_ask_for_another() -> None:
    assert learner_options("movie-sentiment") == {"recipe": "features-head", "encoder": "tfidf"}
    assert learner_options("movie-sentiment", {"encoder": "minilm"})["encoder"] == "minilm"
    assert learner_options("digits", {"recipe": "features-head", "encoder": "none"}) == {"recipe": "features-head"}
    assert learner_options("iris") == {"recipe": "mlp"}


def test_a_head_on_the_pixels_of_pictures(tmp_path: Path) -> None:
    options: dict[str, Any] = {"dataset": "digits", "method": "margin", "seed": 0, "path": ":memory:", "initial": 20, "batch": 20, "budget": 40}
    project, oracle = simulation(**options, learner={"recipe": "features-head", "encoder": "none"})
    with project:
        project.run(oracle)
        assert project.rounds()[-1].metrics["accuracy"] > 0.5


def test_one_process_at_a_time_encodes(tmp_path: Path) -> None:
    with alone(tmp_path / "f"), pytest.raises(BusyError, match="cannot encode"), alone(tmp_path / "f", patience=0.01):
        pass
    with alone(tmp_path / "f", patience=0.01):
        other = sqlite3.connect(tmp_path / "f" / "turn", timeout=0.01, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN EXCLUSIVE")
        other.close()


def test_an_item_that_cannot_be_encoded_stops_a_comparison(tmp_path: Path) -> None:
    pool = _Holed(np.array([f"text number {row}" for row in range(12)]))
    with pytest.raises(PoolError, match=r"'7' cannot be read: torn"):
        fill(inputs(pool, {"encoder": "tfidf"}, tmp_path), pool)


class _Holed(ArrayPool):
    """One item cannot be read."""

    def take(self, ids: Any) -> Any:
        if "7" in ids:
            raise PoolError("torn")
        return super().take(ids)
