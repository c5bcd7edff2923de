"""`querist tune`, `transfer` and `analyse`: real runs with few steps, and what cannot be right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def test_tune_then_use_the_table(querist):
    said = querist("tune", "wine", "--steps", "6", "--trials", "2", "--labels", "6,12", "--validation", "20", "--sets", "1", "--confirm", "1", "--json")
    assert said.code == 0, said.err
    assert {"dataset", "recipe", "trials", "best", "confirmed", "chosen", "learner", "counted", "provenance", "toml", "out"} <= set(said.json)
    assert said.json["out"] == "tuned-wine.toml" and json.loads(Path("tuned-wine.json").read_text(encoding="utf-8")) == said.json
    table = Path("tuned-wine.toml").read_text(encoding="utf-8")
    study = f'dataset = "wine"\nseeds = 1\nbaseline_factor = 1\ninitial = 6\nbatch = 6\nbudget = 12\nworkers = 1\nmethods = ["margin"]\n\n{table}'
    Path("study.toml").write_text(study, encoding="utf-8")
    run = querist("run", "study.toml", "--out", "study", "--json")
    assert run.code == 0 and run.json["spec"]["learner"] == said.json["learner"], run.err
    assert "Learner table: tuned-wine.toml" in querist("tune", "wine", "--steps", "6", "--trials", "2", "--labels", "6,12", "--validation", "20",
                                                        "--sets", "1", "--confirm", "1").out  # fmt: skip
    querist("tune", "wine", "--trials", "2", "--labels", "7").fails(2, "other settings")
    moved = querist("transfer", "study", "--recipe", "tuned-wine.toml", "--network", "linear", "-o", "moved.json", "--json")
    assert moved.code == 0, moved.err
    assert set(moved.json["curves"]) == {"original", "tuned-wine", "linear"} and moved.json["curves"]["original"] == moved.json["curves"]["tuned-wine"]
    assert {**json.loads(Path("moved.json").read_text(encoding="utf-8")), "out": "moved.json"} == moved.json
    querist("transfer", "study", "study", "--ranks").fails(2, "two data sets")


def test_analyse_writes_a_page(querist):
    said = querist("analyse", "wine", "--steps", "3", "--seeds", "1", "--importance", "last_layer", "-o", "wine.html", "--json")
    assert said.code == 0, said.err
    assert said.json["report"] == "wine.html" and said.json["finding"]["word"] == "not shown"
    assert "worth active learning" in Path("wine.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("tune", "winne"), ("winne",)),
        (("tune", "wine", "--recipe", "mpl"), ("mpl", "mlp")),
        (("tune", "wine", "--labels", "many"), ("many",)),
        (("tune", "wine", "--over", "momentum"), ("momentum", "rate")),
        (("tune", "wine", "--out", "table.json"), ("table.json", "toml")),
        (("transfer", "nothing", "--recipe", "mlp"), ("nothing",)),
        (("transfer", "nothing", "--recipe", "table.toml"), ("table.toml",)),
        (("transfer", "a", "b", "--recipe", "mlp"), ("a, b", "--ranks")),
        (("transfer", "nothing", "--ranks"), ("nothing",)),
        (("analyse", "wine", "--importance", "norm"), ("norm", "el2n")),
        (("analyse", "wine", "-o", "page.pdf"), ("page.pdf",)),
    ],
)
def test_what_cannot_be_right(querist, command, words):
    querist(*command).fails(2, *words)
