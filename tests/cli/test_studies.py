"""`querist run` and reports of studies: real runs of a small study, and study files that cannot be right."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

STRATEGY = '''
from dataclasses import dataclass

from querist.core.records import Selection


@dataclass(frozen=True)
class Last:
    """The last candidates."""

    @property
    def needs(self):
        return frozenset()

    def select(self, view, k, rng):
        ids = tuple(view.candidates)[::-1][:k]
        return Selection(ids, tuple(-float(rank) for rank in range(len(ids))))
'''


def test_run_with_a_strategy_of_ones_own(querist, tmp_path):
    (tmp_path / "my_last.py").write_text(STRATEGY, encoding="utf-8")
    command = ("run", "iris", "--method", "my_last:Last", "--seeds", "1", "--initial", "10", "--batch", "10", "--budget", "20", "--workers", "1", "--json")
    said = querist(*command)
    assert said.code == 0, said.err
    study = said.json
    assert {"study", "dataset", "spec_sha256", "budgets", "methods", "comparisons", "label_saving", "out", "report"} <= set(study)
    assert (study["budgets"], set(study["methods"])) == ([10, 20], {"random", "my_last:Last"})
    assert study["out"] == "querist-iris"
    assert Path(study["report"]).stat().st_size > 1000
    with Path("querist-iris/curves.csv").open(encoding="utf-8", newline="") as file:
        assert {row["method"] for row in csv.DictReader(file)} == {"random", "my_last:Last"}
    assert querist("report", "querist-iris", "-o", "iris.html", "--json").json == {"report": "iris.html"}
    assert "my_last:Last" in Path("iris.html").read_text(encoding="utf-8")
    again = querist(*command[:-1])
    assert again.code == 0
    assert "Report: querist-iris/report.html" in again.out
    assert "3 of 3 runs were finished before" in again.err
    next(Path("querist-iris/runs").glob("random-1.json")).unlink()
    rest = querist(*command[:-1])
    assert "2 of 3 runs were finished before" in rest.err and "[1/1] random seed 1" in rest.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dataset = digits", ("bad.toml", "TOML")),
        ('dataset = "digits"\nbudgett = 3', ("budgett",)),
        ('dataset = "digits"\nbatch = "many"', ("batch", "many")),
        ('dataset = "digits"\nbatch = -2', ("batch", "-2")),
        ("batch = 20", ("dataset",)),
        ('dataset = "nothing"', ("nothing", "digits")),
        ('dataset = "iris"\nmethods = ["margn"]\ninitial = 10\nbudget = 20', ("margn", "margin")),
        ('dataset = "iris"\ninitial = 10\nbudget = 5000', ("5000",)),
    ],
)
def test_a_bad_study_file(querist, tmp_path, text, words):
    (tmp_path / "bad.toml").write_text(text, encoding="utf-8")
    querist("run", "bad.toml").fails(2, *words)


def test_a_study_that_is_not_there(querist):
    querist("run", "nothing.toml").fails(2, "nothing.toml")
    querist("run", "nothing").fails(2, "nothing")
    querist("report", "nothing").fails(2, "nothing")
