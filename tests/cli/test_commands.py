"""Every command: its JSON shape, and what it says to people."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.main import get_command

from querist.cli.main import app
from querist.project.project import Project

pytestmark = pytest.mark.torchless

PROGRAM = "import sys; sys.argv[0] = 'querist'; from querist.cli.main import main; main()"
ROW = {"name", "type", "family", "paper", "reference", "survey", "needs", "provides", "kinds", "cost", "deviations", "evidence", "status"}


def test_every_command_has_help_with_an_example_and_json():
    for name, command in get_command(app).commands.items():
        assert f"Example: querist {name}" in (command.help or ""), name
        assert any("--json" in parameter.opts for parameter in command.params), name


def test_help_without_arguments(querist):
    assert querist().out == querist("--help").out
    assert "init" in querist().out


def test_ask_tell_skip_release_status(querist, project):
    asked = querist("ask", project, "-k", "3", "--by", "ann", "--json").json
    assert set(asked) == {"query", "round", "items"}
    assert [set(item) for item in asked["items"]] == [{"id", "rank", "score", "source", "note"}] * 3
    first, second, third = (item["id"] for item in asked["items"])
    assert querist("tell", project, first, "good", "--by", "ann", "--json").json == {"told": 1, "revisions": 0, "errors": []}
    assert querist("tell", project, first, "bad", "--by", "ann", "--json").json == {"told": 1, "revisions": 1, "errors": []}
    assert querist("skip", project, second, "--reason", "blurred", "--never", "--by", "ann", "--json").json == {"skipped": second}
    assert querist("release", project, asked["query"], "--json").json == {"released": 1}
    status = querist("status", project, "--json").json
    wanted = {"items": 30, "labelled": 1, "leased": 0, "skipped": 0, "rejected": 1, "quarantined": 0, "rounds": 0, "due": False, "budget": None}
    assert wanted.items() <= status.items()
    assert status["annotators"]["ann"]["labels"] == 2
    assert third in querist("ask", project, "-k", "29").out.splitlines()
    assert "labelled     1" in querist("status", project).out


def test_ask_says_when_less_is_left(querist, project, tmp_path):
    said = querist("ask", project, "-k", "40", "-o", "q.csv", "--json")
    assert (said.code, len(said.json["items"])) == (0, 30)
    assert said.lines == ["asked for 40, there are 30 left to ask"]
    with (tmp_path / "q.csv").open(encoding="utf-8", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [item["id"] for item in said.json["items"]]


def test_a_negative_number_is_told_after_two_dashes(querist, texts):
    assert querist("init", "n.querist", "--data", "texts.csv", "--labels=-1,1").code == 0
    assert querist("tell", "n.querist", "t1", "--", "-1").code == 0
    assert querist("export", "n.querist", "-o", "n.csv").code == 0
    assert "t1,-1,1" in Path("n.csv").read_text(encoding="utf-8")


def test_classes(querist, project):
    assert querist("classes", project, "--json").json == {"version": 1, "classes": ["good", "bad"], "mapped": 0, "to_review": 0}
    querist("tell", project, "t1", "good")
    assert querist("classes", project, "add", "odd", "new", "--json").json["classes"] == ["good", "bad", "odd", "new"]
    assert querist("classes", project, "rename", "good", "fine", "--json").json == {
        "version": 3, "classes": ["fine", "bad", "odd", "new"], "mapped": 1, "to_review": 0,
    }  # fmt: skip
    assert querist("classes", project, "retire", "fine", "--json").json == {"version": 4, "classes": ["bad", "odd", "new"], "mapped": 0, "to_review": 1}


def test_extend(querist, project, texts):
    with texts.open("a", encoding="utf-8") as file:
        file.write("t30,one more day\nt31,and another\n")
    assert querist("extend", project, "--data", "texts.csv", "--json").json == {"added": 2, "quarantined": 0}
    assert querist("extend", project, "--json").json == {"added": 0, "quarantined": 0}
    assert querist("status", project, "--json").json["items"] == 32
    assert querist("extend", project, "--data", "other.csv").code == 2


def test_export(querist, project):
    querist("tell", project, "t1", "good", "--by", "ann")
    querist("tell", project, "t1", "good", "--by", "bob")
    assert querist("export", project, "-o", "t.csv", "--json").json == {"written": "t.csv"}
    assert Path("t.csv").read_text(encoding="utf-8").splitlines()[1] == "t1,good,2,1.0,human"
    assert querist("export", project, "-o", "raw.jsonl", "--view", "raw").out == "raw.jsonl\n"
    rows = [json.loads(line) for line in Path("raw.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["id"], row["annotator"]) for row in rows] == [("t1", "ann"), ("t1", "bob")]


def test_an_export_can_be_imported_again(querist, project):
    querist("tell", project, "t1", "good")
    querist("tell", project, "t2", "bad")
    querist("export", project, "-o", "t.csv")
    assert querist("init", "again.querist", "--data", "texts.csv", "--annotations", "t.csv", "--json").json["imported"] == 2
    querist("export", "again.querist", "-o", "raw.jsonl", "--view", "raw")
    rows = [json.loads(line) for line in Path("raw.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {(row["provenance"], row["annotator"]) for row in rows} == {("imported", "imported")}


def test_methods(querist):
    rows = querist("methods", "--json").json["methods"]
    assert all(set(row) >= ROW for row in rows)
    assert {"strategy", "scheme", "inference", "refit"} <= {row["type"] for row in rows}
    by_name = {row["name"]: row for row in rows}
    assert by_name["margin"]["needs"] == ["probs"]
    assert by_name["badge"]["needs"] == ["gradients"]
    assert by_name["random"]["needs"] == []
    assert set(by_name["margin"]["evidence"]) == {"property", "kernels", "contract", "smoke_seconds", "fair_run"}
    assert "margin" in querist("methods").out
    assert querist("methods", "margin", "--json").json == {"methods": [by_name["margin"]]}
    assert "Scheffer" in querist("methods", "margin").out
    querist("methods", "margn").fails(2, "margn", "margin")


def test_a_method_is_explained(querist):
    """Formula, when it fails, cost, deviations, needs, and what can be set."""
    (row,) = querist("methods", "class_balance", "--json").json["methods"]
    assert row["parameters"] == {"inner": "margin", "count_labels": True, "wide": 10}
    assert (row["type"], row["needs"], row["traits"]) == ("wrapper", ["probs"], ["greedy"])
    assert querist("methods", "vote", "--json").json["methods"][0]["parameters"]["voters"] == ["margin", "coreset"]
    card = querist("methods", "bald").out
    for word in ("formula", "I(y; w)", "fails", "near-duplicates", "O(n·k·c)", "deviations", "mc_dropout", "score = ", "probs"):
        assert word in card
    text = querist("methods", "cost_aware").out
    for word in ('inner = "margin"', "budget = null", "floor = 0.05", "costs, probs", "wrapper"):
        assert word in text


def test_methods_are_filtered(querist):
    rows = querist("methods", "--needs", "features", "--type", "strategy", "--json").json["methods"]
    assert rows and all("features" in row["needs"] and row["type"] == "strategy" for row in rows)
    assert {"coreset"} <= {row["name"] for row in rows}
    both = querist("methods", "--needs", "costs", "--needs", "probs", "--json").json["methods"]
    assert [row["name"] for row in both] == ["cost_aware", "until_spent"]
    querist("methods", "--needs", "featurs").fails(2, "featurs", "features")
    querist("methods", "--type", "strategies").fails(2, "strategies", "wrapper")


def test_methods_matrix_and_survey(querist):
    grid = querist("methods", "--matrix", "--json").json["matrix"]
    assert all(grid["coreset"].values()) and len(grid["coreset"]) == 10, "features are of items, whatever their sites"
    assert grid["margin"]["dense"] and not grid["margin"]["regression"] and not grid["batchbald"]["detection"] and grid["cald"]["detection"]
    assert "yes" in querist("methods", "--matrix").out
    entries = querist("methods", "--survey", "--json").json["survey"]
    assert len(entries) > 100
    assert {"part", "section", "name", "title", "row", "wave", "status", "verdict"} == set(entries[0])
    claim = next(entry for entry in entries if entry["name"] == "claim_3")
    assert (claim["status"], claim["verdict"]) == ("recorded", "holds")
    assert next(entry for entry in entries if entry["name"] == "margin")["status"] == "proved"
    assert next(entry for entry in entries if entry["name"] == "gaal")["status"] == "planned"
    assert "batchbald" in querist("methods", "--survey").out


def test_doctor(querist, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4096")
    monkeypatch.setenv("MKL_NUM_THREADS", "all")
    facts = querist("doctor", "--json").json
    assert set(facts) == {"python", "extras", "cpu", "devices", "problems"}
    assert facts["python"] == sys.version.split()[0]
    assert facts["extras"]["numpy"] is not None
    assert (facts["extras"]["torch"] is None) == (find_spec("torch") is None)
    problems = "\n".join(facts["problems"])
    assert "OMP_NUM_THREADS is 4096" in problems
    assert "MKL_NUM_THREADS is 'all'" in problems
    assert "python" in querist("doctor").out


def test_report_of_a_project(querist, project):
    for person, value in (("ann", "good"), ("bob", "bad")):
        querist("tell", project, "t1", value, "--by", person)
        querist("tell", project, "t2", "good", "--by", person)
    assert querist("report", project, "--json").json == {"report": "p.html"}
    page = Path("p.html").read_text(encoding="utf-8")
    assert all(text in page for text in ("ann and bob", "50 %", "t1", "tie"))
    assert "http" not in page.replace("http-equiv", "")
    assert querist("report", project, "-o", "bare.html", "--no-items").code == 0
    assert "t1<" not in Path("bare.html").read_text(encoding="utf-8")


def test_a_project_of_text_shows_its_page_escaped(querist, tmp_path):
    (tmp_path / "odd.csv").write_text("id,text\n<b>1</b>,one\n2,two\n", encoding="utf-8")
    querist("init", "o.querist", "--data", "odd.csv", "--labels", "<i>,b")
    querist("report", "o.querist")
    page = Path("o.html").read_text(encoding="utf-8")
    assert "<b>1" not in page
    assert "<i>" not in page


def test_whoever_reads_only_a_line_gets_no_complaint(tmp_path):
    with subprocess.Popen([sys.executable, "-c", PROGRAM, "methods"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read().decode()
    assert "Traceback" not in errors
    assert "Exception" not in errors


def test_ctrl_c_ends_the_worker_with_one_line(querist, project, tmp_path):
    """No label yet: the worker waits, and Ctrl-C ends it, also where this test run is a background job, whose children are born deaf to it."""
    hears = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    with subprocess.Popen([sys.executable, "-c", hears + PROGRAM, "work", project], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        with Project.open(project) as watched:
            while watched.store.holder("work", time.time()) is None and time.monotonic() < deadline:
                time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        errors = process.stderr.read()
    assert process.returncode == 130, errors
    assert errors.splitlines() == ["interrupted; what was acknowledged is safe, and the same command goes on where it can"]


def test_a_newcomers_walk(program, tmp_path):
    """A folder of pictures, with nothing installed that trains: init, ask, tell, status, export."""
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "photos").mkdir()
    for n in range(20):
        image.new("RGB", (32, 32), (n * 12, 60, 90)).save(tmp_path / "photos" / f"bird-{n}.jpg")
    made = program("init", "birds.querist", "--data", "photos", "--task", "classification", "--labels", "robin,sparrow", "--json")
    assert made.code == 0, made.err
    assert {"items": 20, "imported": 0, "test": 0, "duplicates_with_test": 0, "quarantined": 0, "round": 0}.items() <= made.json.items()
    asked = program("ask", "birds.querist", "-k", "3").out.split()
    assert len(set(asked)) == 3
    (tmp_path / "labels.csv").write_text(f"id,value\n{asked[0]},robin\n{asked[1]},sparrow\n", encoding="utf-8")
    assert program("tell", "birds.querist", "-i", "labels.csv", "--json").json["told"] == 2
    assert program("status", "birds.querist", "--json").json["labelled"] == 2
    assert program("export", "birds.querist", "-o", "sorted", "--format", "imagefolder", "--json").json == {"written": "sorted"}
    assert {path.name for path in (tmp_path / "sorted").iterdir()} == {"robin", "sparrow"}
    assert (tmp_path / "sorted" / "sparrow" / asked[1]).read_bytes() == (tmp_path / "photos" / asked[1]).read_bytes()
    program("export", "birds.querist", "-o", "sorted", "--format", "imagefolder").fails(1, "sorted")
    program("update", "birds.querist").fails(1, "torch", "pip install 'querist[deep]'")
