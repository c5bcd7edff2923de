"""`check-snapshot`, `verify`, `replay` and `diff`: on a real study, on a forged one, and on what is no snapshot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SPEC = """
dataset = "iris"
methods = ["margin"]
seeds = 1
baseline_factor = 1
initial = 10
batch = 5
budget = 15
steps = 4
workers = 1
"""


def test_a_study_is_checked_verified_replayed_and_compared(querist, tmp_path):
    (tmp_path / "iris.toml").write_text(SPEC, encoding="utf-8")
    study = querist("run", "iris.toml", "--out", "here", "--json").json
    assert study["snapshot"] == "here/snapshot.json"

    checked = querist("check-snapshot", "here", "--json")
    assert checked.code == 0 and checked.json | {"ok": True, "level": "check", "first_divergence": None, "problems": []} == checked.json
    verified = querist("verify", "here/snapshot.json", "--json")
    assert verified.code == 0, verified.err
    assert verified.json | {"ok": True, "level": "L1", "first_divergence": None, "runs": 2, "rounds": 4, "same_models": 4, "environment": {}} == verified.json
    replayed = querist("replay", "here", "--method", "margin", "--seed", "0", "--tolerance", "0.01")
    assert replayed.code == 0 and replayed.out.startswith("L0: iris: 2 rounds of 1 runs made again; 2 of 2 models") and "tolerance 0.01" in replayed.out
    assert querist("diff", "here", "here/snapshot.json", "--json").json["ok"]

    plain = json.loads(Path("here/snapshot.json").read_text(encoding="utf-8"))
    plain["runs"][1]["rounds"][1]["ids"].reverse()
    Path("forged.json").write_text(json.dumps(plain), encoding="utf-8")
    for command in ("check-snapshot", "verify", "replay"):
        said = querist(command, "forged.json", "--json")
        assert said.code == 1 and said.json["ok"] is False
        assert said.json["first_divergence"] == {"method": "margin", "seed": 0, "round": 2, "what": "hash"}
    said = querist("verify", "forged.json")
    assert said.code == 1 and "margin seed 0 round 2" in said.out
    found = querist("diff", "here", "forged.json", "--json")
    assert found.code == 1 and found.json["first_divergence"] == {"method": "margin", "seed": 0, "round": 2, "what": "ids"}
    assert "parts in round 2 (ids)" in querist("diff", "here", "forged.json").out
    querist("replay", "here", "--method", "badge").fails(2, "no such run", "margin")


def test_a_bench_has_one_snapshot_for_all_its_cells(querist, tmp_path):
    (tmp_path / "two.toml").write_text(SPEC.replace('dataset = "iris"', 'datasets = ["iris"]').replace("batch = 5", "batches = [5, 3]"), encoding="utf-8")
    bench = querist("bench", "two.toml", "--out", "here", "--json").json
    assert bench["snapshot"] == "here/snapshot.json"
    assert {run["cell"] for run in json.loads(Path(bench["snapshot"]).read_text(encoding="utf-8"))["runs"]} == {"iris.b5", "iris.b3"}

    assert querist("check-snapshot", "here", "--json").json | {"ok": True, "level": "check", "study": "two"} == querist("check-snapshot", "here", "--json").json
    verified = querist("verify", "here", "--json").json
    assert verified | {"ok": True, "level": "L1", "runs": 4, "rounds": 10, "same_models": 10} == verified
    assert querist("replay", "here", "--cell", "iris.b3", "--method", "margin", "--json").json["rounds"] == 3
    assert querist("diff", "here", "here", "--json").json["ok"]
    querist("verify", "here", "--cell", "iris.b9").fails(2, "iris.b9", "iris.b3")
    querist("verify", "here/iris.b5", "--cell", "iris.b5").fails(2, "no such cell")
    querist("diff", "here", "here/iris.b5").fails(2, "a study and a bench")

    plain = json.loads(Path("here/snapshot.json").read_text(encoding="utf-8"))
    plain["runs"][3]["rounds"][1]["ids"].reverse()
    Path("forged.json").write_text(json.dumps(plain), encoding="utf-8")
    place = {"cell": "iris.b3", "method": "margin", "seed": 0, "round": 2}
    for command in ("check-snapshot", "verify", "replay"):
        assert querist(command, "forged.json", "--json").json["first_divergence"] == {**place, "what": "hash"}
    said = querist("verify", "forged.json")
    assert said.code == 1 and "iris.b3: margin seed 0 round 2" in said.out
    found = querist("diff", "here", "forged.json")
    assert found.code == 1 and "iris.b3: run margin seed 0: parts in round 2 (ids)" in found.out


@pytest.mark.parametrize("command", ["check-snapshot", "verify", "replay"])
def test_what_is_no_snapshot(querist, tmp_path, command):
    querist(command, "nothing").fails(2, "nothing")
    (tmp_path / "bad.json").write_text("{}", encoding="utf-8")
    querist(command, "bad.json").fails(2, "bad.json")
    (tmp_path / "empty").mkdir()
    querist(command, "empty").fails(2, "empty", "snapshot.json")
