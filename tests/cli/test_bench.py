"""`querist bench`: what it lists, what it runs, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SMALL = 'methods = ["margin"]\nseeds = 1\nbaseline_factor = 1\ninitial = 10\nbudget = 20\nrecipe = "mlp"\nsteps = 5\nworkers = 1\n'


def write(folder, text):
    (folder / "mine.toml").write_text(text + SMALL, encoding="utf-8")


def test_what_there_is(querist):
    said = querist("bench", "--list", "--json").json
    assert [row["name"] for row in said["suites"]] == ["smoke", "small", "full"]
    assert all({"about", "cpu_minutes", "cells"} <= set(row) for row in said["suites"])
    assert "digits" in {row["name"] for row in said["datasets"]} and "+longtailN" in {row["name"] for row in said["variants"]}
    text = querist("bench", "--list").out
    assert "smoke" in text and "+noiseN" in text and "fashion-mnist" in text


def test_a_bench_of_two_cells(querist, tmp_path):
    write(tmp_path, 'datasets = ["iris"]\nbatches = [5, 10]\n')
    said = querist("bench", "mine.toml", "--json")
    assert said.code == 0, said.err
    found = said.json
    assert list(found["cells"]) == ["iris.b5", "iris.b10"] and found["study"] == "mine" and found["out"] == "querist-mine"
    assert {"spec_sha256", "comparisons", "label_saving", "failures", "void", "snapshot", "together", "checks", "report"} <= set(found)
    assert [(row["cell"], row["method"]) for row in found["comparisons"]] == [("iris.b5", "margin"), ("iris.b10", "margin")]
    assert found["cells"]["iris.b5"]["budgets"] == [10, 15, 20]
    record = json.loads(Path("querist-mine/bench.json").read_text(encoding="utf-8"))
    assert record["together"] == found["together"]
    again = querist("bench", "mine.toml")
    assert again.code == 0 and "iris.b10" in again.out and "check: " in again.out
    assert json.loads(Path("querist-mine/bench.json").read_text(encoding="utf-8")) == record


def test_a_study_is_a_bench_of_one_cell_and_speaks_like_run(querist, tmp_path):
    write(tmp_path, 'dataset = "iris+noise10"\nbatch = 10\n')
    found = querist("bench", "mine.toml", "--out", "here", "--json").json
    assert {"study", "dataset", "spec_sha256", "budgets", "methods", "comparisons", "label_saving", "out", "report", "void", "snapshot"} <= set(found)
    assert found["dataset"] == "iris+noise10" and found["budgets"] == [10, 20] and Path(found["report"]).exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('datasets = ["nothing"]\n', ("nothing", "digits")),
        ('datasets = ["iris+nosie10"]\n', ("nosie10", "+noiseN")),
        ('datasets = ["iris"]\nfinal = true\n', ("final", "--final")),
        ('datasets = ["iris"]\nbaches = [5]\n', ("baches", "batches")),
        ('datasets = ["iris"]\n[cells.wine]\n', ("wine", "iris")),
    ],
)
def test_mistakes(querist, tmp_path, text, words):
    (tmp_path / "mine.toml").write_text(SMALL + text, encoding="utf-8")
    querist("bench", "mine.toml").fails(2, *words)
    assert not Path("querist-mine").exists()


def test_what_is_not_there(querist):
    querist("bench").fails(2, "SUITE")
    querist("bench", "nothing").fails(2, "nothing", "smoke")
    querist("bench", "nothing.toml").fails(2, "nothing.toml")


def test_a_set_without_a_final_test_set_has_none_to_open(querist, tmp_path):
    write(tmp_path, 'dataset = "iris"\nbatch = 10\n')
    querist("bench", "mine.toml", "--final").fails(2, "iris", "no final test set")
    assert not Path("querist-mine").exists()
