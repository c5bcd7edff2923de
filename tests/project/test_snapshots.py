"""Snapshots, the hash chain, exports, status, model folders."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from querist.core.errors import StoreError, UsageError
from querist.core.records import RoundResult
from querist.data.arrays import ArrayPool
from querist.project.oracles import Simulated
from querist.project.project import Project
from querist.tasks import new_space
from querist.testing.projects import ListPool, OrderRuntime, targets


@pytest.fixture
def project(tmp_path):
    with Project.create(
        tmp_path / "a.querist", pool=ListPool(40), classes=["cat", "dog"], runtime=OrderRuntime.factory, batch=4, budget=8, test={"item-0": "cat"}
    ) as made:
        yield made


def test_a_snapshot_tells_all_of_a_round(project):
    project.run(Simulated(targets(40)))
    shot = project.snapshot(2)
    assert shot["spec"]["batch"] == 4 and shot["seed"] == 0 and shot["metrics"] == {"accuracy": 0.5}
    assert shot["environment"]["packages"]["numpy"] and "OMP_NUM_THREADS" in shot["environment"]["threads"]
    assert [item for item, _ in shot["ranking"]] == list(project.ranking(2).ids)
    assert shot["input"]["labelled"] == 8 and shot["data"]["items"] == 40
    assert project.verify_chain() is None
    with pytest.raises(UsageError):
        project.snapshot(3)


def test_an_altered_snapshot_breaks_the_chain(project, tmp_path):
    project.run(Simulated(targets(40)))
    with sqlite3.connect(tmp_path / "a.querist") as connection:
        connection.execute("""UPDATE round SET snapshot = replace(snapshot, '"accuracy":0.5', '"accuracy":0.9') WHERE n = 1""")
    connection.close()
    assert project.verify_chain() == 1


def test_the_training_export(project, tmp_path):
    for by, value in (("ann", "cat"), ("bob", "cat"), ("carl", "dog")):
        project.tell("item-2", value, by=by)
    project.tell("item-1", "dog")
    rows = [("item-1", "dog", 1, 1.0, "human"), ("item-2", "cat", 3, 2 / 3, "human")]
    out = project.export(tmp_path / "labels.csv")
    with out.open(newline="") as stream:
        found = [(row["id"], row["value"], int(row["annotators"]), float(row["agreement"]), row["provenance"]) for row in csv.DictReader(stream)]
    assert found == rows
    assert [tuple(row.values()) for row in pq.read_table(project.export(tmp_path / "labels.parquet")).to_pylist()] == rows


def test_the_raw_export_has_every_word_as_it_was_said(project, tmp_path):
    project.tell("item-1", "dog", by="ann")
    project.rename_class("dog", "wolf")
    project.tell("item-1", "cat", by="ann")
    out = project.export(tmp_path / "all", view="raw", format="jsonl")
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["number"], row["value"], row["supersedes"], row["schema_version"]) for row in rows] == [(1, "dog", None, 1), (2, "cat", 1, 2)]


@pytest.mark.parametrize("view", ["training", "raw"])
def test_values_of_every_kind_are_exported(tmp_path, view):
    masks = [{"size": [1, 8], "runs": [["sky", 5], [None, 3]]}, {"size": [1, 8], "runs": [["sea", 8]]}]
    kinds = {"pair": ([], [True, False]), "link": (["a", "b"], [["a", "b"], []]), "dense": (["sky", "sea"], masks)}
    for kind, (classes, values) in kinds.items():
        made = Project.create(":memory:", pool=ArrayPool(np.zeros((2, 8))), task=new_space(kind, classes), method="random")
        made.tell_many({str(row): value for row, value in enumerate(values)}, by="ann")
        with made.export(tmp_path / "v.csv", view=view).open(newline="") as stream:
            assert [json.loads(row["value"]) for row in csv.DictReader(stream)] == values
        lines = made.export(tmp_path / "v.jsonl", view=view).read_text().splitlines()
        assert [json.loads(line)["value"] for line in lines] == values
        kept = pq.read_table(made.export(tmp_path / "v.parquet", view=view)).column("value").to_pylist()
        assert [value if isinstance(value, bool) else json.loads(value) for value in kept] == values


def test_exports_that_cannot_be(project, tmp_path):
    with pytest.raises(UsageError, match="format"):
        project.export(tmp_path / "labels.doc")
    with pytest.raises(UsageError, match="view"):
        project.export(tmp_path / "labels.csv", view="side")
    with pytest.raises(StoreError):
        project.export(tmp_path / "nowhere" / "labels.csv")
    assert not list(tmp_path.glob("*.part"))


def test_status_has_the_promised_fields(project):
    promised = {"items", "labelled", "leased", "skipped", "rejected", "quarantined", "rounds", "due", "hours", "budget", "annotators"}
    assert promised <= set(json.loads(json.dumps(project.status())))


def test_a_round_finds_the_model_of_the_one_before_even_when_its_folder_is_gone(tmp_path):
    seen = []

    class Saving(OrderRuntime):
        def train_score_select(self, job, report):
            seen.append(None if job.previous is None else Path(job.previous, "model").read_text())
            Path(job.workdir, "model").write_text(f"round {job.round}")
            return super().train_score_select(job, report)

    with Project.create(tmp_path / "a.querist", pool=ListPool(40), classes=["cat", "dog"], batch=2, runtime=lambda spec, pool: Saving()) as project:
        for _ in range(3):
            project.tell_many([(item, "cat") for item in project.ask(2).ids])
            project.update()
            for folder in (tmp_path / "a.querist.d" / "rounds").glob("*/model"):
                folder.unlink()
    assert seen == [None, "round 1", "round 2"]


def test_unreadable_items_of_a_round_are_set_aside(tmp_path):
    class Reading(OrderRuntime):
        def train_score_select(self, job, report):
            result = super().train_score_select(job, report)
            return RoundResult(result.ranking, {"accuracy": float("nan")}, {}, result.scored, {"item-9": "cannot be decoded"})

    with Project.create(":memory:", pool=ListPool(30), classes=["cat", "dog"], batch=2, runtime=lambda spec, pool: Reading()) as project:
        project.tell("item-1", "cat")
        assert project.update().metrics == {}
        assert project.quarantined() == {"item-9": "cannot be decoded"} and project.status()["quarantined"] == 1
        assert "item-9" not in project.ask(29).ids
        assert project.verify_chain() is None


def test_a_runtime_that_ranks_what_it_may_not_is_refused(tmp_path):
    class Cheating(OrderRuntime):
        def train_score_select(self, job, report):
            result = super().train_score_select(job, report)
            ids = (next(iter(job.labelled)), *result.ranking.ids[1:])
            return RoundResult(type(result.ranking)(ids, result.ranking.scores), {}, {}, result.scored)

    with Project.create(":memory:", pool=ListPool(30), classes=["cat", "dog"], runtime=lambda spec, pool: Cheating()) as project:
        project.tell("item-1", "cat")
        with pytest.raises(UsageError, match="item-1"):
            project.update()
        assert project.rounds()[-1].n == 0
