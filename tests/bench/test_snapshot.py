"""What a snapshot holds, which slips its rules find, and that neither kills nor workers change it."""

import copy
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from snapshots import LIGHT, forged, made, run_of

from querist.bench import snapshot
from querist.bench.differences import difference
from querist.bench.rules import check
from querist.bench.spec import StudySpec
from querist.bench.study import run_study
from querist.core.errors import UsageError
from querist.core.spec import digest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def study(folder):
    return made(folder)


@pytest.fixture
def plain(study):
    return copy.deepcopy(study[1])


def test_a_study_leaves_a_snapshot_that_keeps_its_rules(study, folder):
    done, plain = study
    assert done.snapshot == str(folder / "snapshot.json")
    assert check(plain) == []
    spec = StudySpec.of(LIGHT)
    assert (plain["spec_sha256"], plain["run_sha256"], plain["spec"]) == (spec.sha256, spec.run_sha256, snapshot.resolved(spec))
    assert [(run["method"], run["seed"]) for run in plain["runs"]] == [("random", 0), ("random", 1), ("margin", 0), ("margin", 1)]
    for run in plain["runs"]:
        assert [(row["round"], row["labels"], len(row["ids"])) for row in run["rounds"]] == [(1, 6, 6), (2, 12, 6), (3, 15, 3)]
        assert [len(row["scores"]) for row in run["rounds"]] == [0, 6, 3], "nobody scored the initial set"
        assert len({item for row in run["rounds"] for item in row["ids"]}) == 15
        assert run["rounds"][0]["ids"] == plain["data"]["initial"][str(run["seed"])]
        curve = done.methods[run["method"]].curve[run["seed"]]
        assert [row["metrics"]["accuracy"] for row in run["rounds"]] == curve
    assert plain["results"]["comparisons"] == json.loads(done.model_dump_json())["comparisons"]
    assert len(plain["times"]["runs"]) == 4 and plain["command"] == "querist run it"
    assert len(next(iter(plain["environments"].values()))["packages"]) >= 1


def test_ids_stand_in_the_order_chosen(plain):
    for seed in (0, 1):
        for row in run_of(plain, "margin", seed)["rounds"][1:]:
            assert row["scores"] == sorted(row["scores"], reverse=True)


def test_workers_and_a_second_call_change_nothing_that_equal_studies_share(study, folder, tmp_path):
    again = run_study(StudySpec.of(LIGHT), folder)
    assert snapshot.read(Path(again.snapshot))["content_sha256"] == study[1]["content_sha256"]
    crew, other = made(tmp_path, workers=2)
    assert crew.failures == [] and other["content_sha256"] == study[1]["content_sha256"]
    assert difference(study[1], other)["ok"]


def _row(plain):
    return run_of(plain, "margin", 1)["rounds"][1]


SLIPS = {
    "id": (lambda p: _row(p)["ids"].__setitem__(0, "no-such"), "hash", 2),
    "score": (lambda p: _row(p)["scores"].__setitem__(0, 9.0), "hash", 2),
    "metric": (lambda p: _row(p)["metrics"].__setitem__("accuracy", 1.0), "hash", 2),
    "model": (lambda p: _row(p).__setitem__("model", "0" * 64), "hash", 2),
    "steps": (lambda p: _row(p)["steps"].append(3), "hash", 2),
    "twice": (lambda p: _row(p)["ids"].__setitem__(0, run_of(p, "margin", 1)["rounds"][0]["ids"][0]), "ids", 2),
    "one too few": (lambda p: _row(p)["ids"].pop(), "labels", 2),
    "scores cut": (lambda p: _row(p)["scores"].pop(), "scores", 2),
    "not finite": (lambda p: _row(p)["metrics"].__setitem__("accuracy", None), "metrics", 2),
    "round gone": (lambda p: run_of(p, "margin", 1)["rounds"].pop(), "rounds", 2),
    "seed": (lambda p: run_of(p, "margin", 1).__setitem__("seed", 7), "seed", 1),
    "initial": (lambda p: p["data"]["initial"].__setitem__("1", []), "ids", 1),
    "run gone": (lambda p: p["runs"].pop(), "runs", None),
    "flag": (lambda p: p["spec"].__setitem__("final", True), "split", None),
    "setting": (lambda p: p["spec"].__setitem__("margin", 0.1), "spec_sha256", None),
    "learner": (lambda p: next(iter(p["parts"].values())).__setitem__("learner", {}), "parts", None),
    "environment": (lambda p: next(iter(p["environments"].values())).__setitem__("python", "2.7"), "environments", None),
    "data": (lambda p: p["data"].__setitem__("fingerprint", "x"), "content_sha256", None),
    "time": (lambda p: p["times"].__setitem__("wall_seconds", 0.5), "sha256", None),
    "missing key": (lambda p: p["data"].pop("ids_sha256"), "structure", None),
    "wrong type": (lambda p: _row(p).__setitem__("ids", "abc"), "structure", None),
    "wrong element": (lambda p: p["times"].__setitem__("runs", [1]), "structure", None),
    "rules": (lambda p: p.__setitem__("rules", 99), "rules", None),
    "unknown setting": (lambda p: p["spec"].__setitem__("nonsense", 1), "spec", None),
}  # fmt: skip


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_is_found_where_it_is(plain, name):
    slip, what, number = SLIPS[name]
    slip(plain)
    first, *_ = check(plain)
    assert (first.what, first.round) == (what, number)
    if number is not None:
        assert first.method in ("margin", "random") and first.seed in (1, 7)


def test_claims_must_follow_from_the_curves(plain):
    plain["results"]["comparisons"][0]["verdict"] = "better"
    assert [problem.what for problem in check(snapshot.sealed(plain))] == ["results.comparisons"]


def test_equal_beginnings_have_equal_models(plain):
    first = run_of(plain, "margin", 0)["rounds"][0]
    first["model"] = "0" * 64
    assert ("model", "margin", 0, 1) in [(p.what, p.method, p.seed, p.round) for p in check(plain)]


def test_what_is_published_is_small(plain, tmp_path, monkeypatch):
    size = len(snapshot.text(plain).encode())
    for limit, name, whole in ((size, "snapshot.json", True), (size // 2, "snapshot.json.gz", True), (1000, "snapshot.json.gz", False)):
        monkeypatch.setattr(snapshot, "LIMIT", limit)
        file = snapshot.publish(plain, tmp_path)
        assert [file] == list(tmp_path.iterdir()) and file.name == name
        small = snapshot.read(tmp_path)
        assert check(small) == [] and small["content_sha256"] == plain["content_sha256"] and (small == plain) is whole
    row = run_of(small, "margin", 0)["rounds"][1]
    assert row["scores"] is None and row["scores_sha256"] == digest(run_of(plain, "margin", 0)["rounds"][1]["scores"])


def test_runs_recorded_before_there_were_snapshots_are_kept_and_give_none(tmp_path):
    done, _ = made(tmp_path, seeds=1)
    for file in (tmp_path / "runs").glob("*.json"):
        whole = json.loads(file.read_text())
        old = {key: whole[key] for key in ("method", "seed", "run_sha256")}
        file.write_text(json.dumps(old | {"rounds": [{key: row[key] for key in ("labels", "metrics", "seconds")} for row in whole["rounds"]]}))
    events = []
    again = run_study(StudySpec.of({**LIGHT, "seeds": 1}), tmp_path, emit=events.append)
    assert events == [] and {name: (row.seeds, row.curve, row.aubc) for name, row in again.methods.items()} == {
        name: (row.seeds, row.curve, row.aubc) for name, row in done.methods.items()
    }
    assert again.snapshot == "" and not (tmp_path / "snapshot.json").exists()


def test_files_that_are_no_snapshot(tmp_path, study):
    packed = tmp_path / "s.json.gz"
    packed.write_bytes(gzip.compress(snapshot.text(study[1]).encode()))
    assert snapshot.read(packed) == study[1]
    for text in ("", "{", "[]", "{}", json.dumps({"format": "querist-snapshot", "schema": 99})):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(UsageError):
            snapshot.read(tmp_path / "bad.json")
    with pytest.raises(UsageError, match="there is no snapshot"):
        snapshot.read(tmp_path)


def test_a_difference_names_settings_rounds_and_results(plain):
    assert difference(plain, plain) | {"ok": True} == difference(plain, plain)

    def change(other):
        other["spec"]["margin"] = 0.02
        row = run_of(other, "margin", 1)["rounds"][2]
        row["metrics"]["accuracy"] = 0.5
        next(iter(other["environments"].values()))["packages"]["numpy"] = "0.1"

    found = difference(plain, forged(plain, change))
    assert not found["ok"]
    assert found["spec"] == [{"key": "margin", "a": 0.005, "b": 0.02}]
    assert found["runs"] == [{"method": "margin", "seed": 1, "round": 3, "what": "metrics"}] and found["first_divergence"] == found["runs"][0]
    assert [row["key"] for row in found["environment"]] == ["packages.numpy"]
    assert {row["measure"] for row in found["results"]} >= {"aubc", "comparisons.difference"}


CHILD = """
import json, sys
from pathlib import Path
from querist.bench.spec import StudySpec
from querist.bench.study import run_study
run_study(StudySpec.of(json.loads(sys.argv[1])), Path(sys.argv[2]), emit=lambda event: print(event["event"], flush=True))
"""


@pytest.mark.parametrize(("workers", "kills"), [(2, 3), pytest.param(1, 12, marks=pytest.mark.slow), pytest.param(2, 12, marks=pytest.mark.slow)])
def test_a_study_killed_at_random_ends_with_the_identical_snapshot(tmp_path, study, workers, kills):
    settings = {**LIGHT, "workers": workers}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    command = [sys.executable, "-c", CHILD, json.dumps(settings), str(tmp_path / "killed")]
    rng = np.random.default_rng([workers, kills])
    for _ in range(kills):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        events = int(rng.integers(1, 5))
        for _line in child.stdout:
            events -= 1
            if not events:
                break
        time.sleep(float(rng.uniform(0, 0.1)))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    killed, plain = made(tmp_path / "killed", settings)
    whole, other = study
    assert killed.failures == [] and check(plain) == []
    assert plain["content_sha256"] == other["content_sha256"] and difference(plain, other)["ok"]
    assert _numbers(killed) == _numbers(whole)


def _numbers(study):
    """All that a study says, without times and places."""
    plain = study.model_dump(include={"study", "budgets", "comparisons", "label_saving", "at_budget", "spec_sha256"})
    return plain | {"methods": {name: row.model_dump(include={"seeds", "metric", "curve", "aubc"}) for name, row in study.methods.items()}}
