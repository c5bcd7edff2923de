"""One snapshot for a whole bench: what it holds, that it falls apart into those of its cells, and that every change is found in its cell."""

import copy
import gzip
import json

import pytest
from snapshots import forged as forged_study
from snapshots import run_of

from querist.bench import joined, snapshot
from querist.bench.benching import run_bench
from querist.bench.plan import BenchSpec
from querist.bench.replaying import replay
from querist.bench.verifying import verify
from querist.core.errors import UsageError

SETTINGS = {
    "datasets": ["clouds"], "methods": ["margin"], "seeds": 2, "baseline_factor": 1, "initial": 6, "budget": 18, "workers": 1,
    "factory": "light_study:simulation", "batches": [4, 6],
}  # fmt: skip
CELLS = ["clouds.b4", "clouds.b6"]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    out = tmp_path_factory.mktemp("bench")
    record, studies = run_bench(BenchSpec.of(SETTINGS, "light"), out)
    return out, record, studies


@pytest.fixture
def plain(bench):
    return joined.read(bench[0])


def forged(plain, cell, change):
    """The bench's snapshot after a change of one cell, with everything in it and the chain of the bench computed anew."""
    parts = {name: forged_study(part, change) if name == cell else part for name, part in joined.cells(plain).items()}
    return joined.join(plain["bench"], plain["spec_sha256"], parts)


def swap_items(plain):
    rounds = run_of(plain, "margin", 1)["rounds"]
    rounds[1]["ids"][0], rounds[2]["ids"][0] = rounds[2]["ids"][0], rounds[1]["ids"][0]


def test_it_holds_every_run_and_falls_apart_into_the_snapshots_of_its_cells(bench, plain):
    record = bench[1]
    assert (plain["bench"], plain["spec_sha256"], plain["final"]) == ("light", record.spec_sha256, False)
    names = [(method, seed) for method in ("random", "margin") for seed in (0, 1)]
    assert [(run["cell"], run["method"], run["seed"]) for run in plain["runs"]] == [(cell, *name) for cell in CELLS for name in names]
    assert list(plain["chain"]) == CELLS and len(set(plain["chain"].values())) == 2
    assert {name: snapshot.read(bench[0] / name) for name in CELLS} == joined.cells(plain)
    assert joined.check(plain) == []
    study = snapshot.read(bench[0] / CELLS[0])
    assert joined.cells(study) == {"": study} and joined.check(study) == [], "a study's own is taken as it is"


def test_the_same_bench_run_by_others_has_the_same_content(bench, plain, tmp_path):
    run_bench(BenchSpec.of({**SETTINGS, "workers": 2}, "light"), tmp_path, command="another")
    other = joined.read(tmp_path)
    assert other["content_sha256"] == plain["content_sha256"] and other["chain"] == plain["chain"] and other["sha256"] != plain["sha256"]
    found = joined.difference(plain, other)
    assert found["ok"] and found["runs"] == found["cells_a"] == []


def test_a_change_that_left_the_digests_behind_is_named_with_cell_and_round(plain):
    changed = copy.deepcopy(plain)
    run = next(run for run in changed["runs"] if (run["cell"], run["method"], run["seed"]) == ("clouds.b6", "margin", 1))
    run["rounds"][2]["metrics"]["accuracy"] += 0.1
    assert joined.check(changed)[0].place == {"cell": "clouds.b6", "method": "margin", "seed": 1, "round": 3, "what": "hash"}


@pytest.mark.parametrize(
    ("change", "what", "cell"),
    [
        (lambda plain: plain.pop("chain"), "structure", None),
        (lambda plain: plain["runs"][0].update(cell="clouds.b9"), "runs", None),
        (lambda plain: plain["runs"].reverse(), "runs", None),
        (lambda plain: plain["runs"].append(7), "runs", None),
        (lambda plain: plain["cells"].update({"clouds.b6": 3}), "structure", "clouds.b6"),
        (lambda plain: plain["chain"].update({"clouds.b6": "0" * 64}), "chain", "clouds.b6"),
        (lambda plain: plain["cells"]["clouds.b4"].update(schema=9), "format", "clouds.b4"),
        (lambda plain: plain.update(spec_sha256="0" * 64), "chain", "clouds.b4"),
        (lambda plain: plain.update(sha256="0" * 64), "sha256", None),
        (lambda plain: plain.update(content_sha256="0" * 64), "content_sha256", None),
    ],
)
def test_rules_of_the_whole(plain, change, what, cell):
    change(plain)
    first = joined.check(plain)[0]
    assert (first.what, first.cell) == (what, cell)


def test_cells_of_another_bench_do_not_pass(plain, bench, tmp_path):
    """With chain and digests computed anew the settings of the bench still say which cells it has."""
    run_bench(BenchSpec.of({**SETTINGS, "initial": 5}, "light"), tmp_path)
    stranger = {**joined.cells(plain), "clouds.b6": joined.cells(joined.read(tmp_path))["clouds.b6"]}
    assert [problem.what for problem in joined.check(joined.join("light", plain["spec_sha256"], stranger))] == ["spec_sha256"]
    fewer = {CELLS[0]: joined.cells(plain)[CELLS[0]]}
    assert [problem.what for problem in joined.check(joined.join("light", plain["spec_sha256"], fewer))] == ["spec_sha256"]


def test_a_forger_who_computes_every_chain_anew_is_found_by_running_it_again(plain):
    false = forged(plain, "clouds.b4", swap_items)
    assert joined.check(false) == []
    outcomes = {name: verify(part)[0] for name, part in joined.cells(false).items()}
    assert outcomes["clouds.b6"].ok and not outcomes["clouds.b4"].ok
    assert {key: outcomes["clouds.b4"].first[key] for key in ("method", "seed", "round", "what")} == {"method": "margin", "seed": 1, "round": 2, "what": "ids"}
    assert not replay(joined.cells(false)["clouds.b4"], tolerance=0.0).ok
    found = joined.difference(plain, false)
    assert not found["ok"] and found["first_divergence"] == {"cell": "clouds.b4", "method": "margin", "seed": 1, "round": 2, "what": "ids"}


def test_a_study_and_a_bench_are_not_compared(plain):
    with pytest.raises(UsageError, match="nothing to compare"):
        joined.difference(plain, joined.cells(plain)[CELLS[0]])


def test_published_it_is_small_and_keeps_its_rules(plain, tmp_path, monkeypatch):
    assert joined.publish(plain, tmp_path).name == "snapshot.json" and joined.read(tmp_path) == plain
    monkeypatch.setattr(snapshot, "LIMIT", len(gzip.compress(snapshot.text(plain).encode())) - 1)
    assert joined.publish(plain, tmp_path).name == "snapshot.json.gz"
    small = joined.read(tmp_path)
    assert joined.check(small) == [] and small["chain"] == plain["chain"] and small["content_sha256"] == plain["content_sha256"]
    assert {row["scores"] for run in small["runs"] for row in run["rounds"]} == {None}


def test_a_bench_with_a_cell_that_has_no_snapshot_has_none(bench, tmp_path):
    _, record, studies = bench
    (tmp_path / "snapshot.json").write_text(json.dumps({}), encoding="utf-8")
    bare = {**studies, CELLS[0]: studies[CELLS[0]].model_copy(update={"snapshot": ""})}
    assert joined.write(record, bare, tmp_path) == "" and not (tmp_path / "snapshot.json").exists()
