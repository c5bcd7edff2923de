"""A bench from start to end on the light runtime: what it writes, what it refuses, and that a kill changes nothing."""

import io
import json
import os
import signal
import subprocess
import sys

import psutil
import pytest
from rich.console import Console

from querist.bench.bench_progress import Across
from querist.bench.bench_tables import bench_table
from querist.bench.benching import log_final, run_bench
from querist.bench.plan import BenchSpec
from querist.bench.saturation import train_on_everything
from querist.bench.study import run_study
from querist.core.errors import UsageError

SETTINGS = {
    "datasets": ["clouds", "skies"], "methods": ["margin", "coreset"], "seeds": 2, "baseline_factor": 1, "initial": 6, "budget": 18, "workers": 1,
    "factory": "light_study:simulation", "batches": [3, 6], "cells": {"skies.b3": {"skip": True}},
}  # fmt: skip
CELLS = ["clouds.b3", "clouds.b6", "skies.b6"]


def spec_of(**changes):
    return BenchSpec.of({**SETTINGS, **changes}, "light")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    return out, *run_bench(spec_of(), out, command="querist bench light.toml")


def test_a_bench_on_development_splits_logs_nothing(whole):
    assert not (whole[0] / "final.log").exists() and whole[1].opened == []


def test_every_cell_is_a_study_in_a_folder_of_its_own(whole):
    out, record, studies = whole
    assert list(record.cells) == list(studies) == CELLS
    for name in CELLS:
        assert {path.name for path in (out / name).iterdir()} >= {"study.json", "curves.csv", "report.html", "runs"}
        assert record.cells[name].methods["margin"].curve == studies[name].methods["margin"].curve
    assert record.cells["clouds.b6"].budgets == [6, 12, 18] and record.cells["clouds.b3"].split == "development"
    assert json.loads((out / "bench.json").read_text()) == record.model_dump(mode="json")


def test_the_record_holds_no_times_and_no_paths(whole):
    out, record, _ = whole
    text = (out / "bench.json").read_text()
    assert "seconds" not in text and str(out) not in text
    again, _ = run_bench(spec_of(workers=2), out, command="another")
    assert again == record and (out / "bench.json").read_text() == text


def test_what_cells_say_together(whole):
    _, record, _ = whole
    found = record.together
    assert found.data_sets == ["clouds", "skies"] and {row.method for row in found.ranking} == {"random", "margin", "coreset"}
    assert [(row.method, row.undecided) for row in found.tallies] == [("margin", 3), ("coreset", 3)], "two seeds decide nothing"


def test_the_platform_says_what_it_checked(whole):
    _, record, _ = whole
    verdicts = {(check.name, check.detail.partition(":")[0]): check.verdict for check in record.checks}
    assert verdicts["methods do not depend on the order of the pool", "3 of 3 methods picked the same items"] == "holds"
    assert [check.verdict for check in record.checks if check.name.startswith("random does not")] == ["not shown"]
    assert record.void == []
    assert {check.name: check.verdict for check in record.cells["skies.b6"].checks} == {
        "seeds join by id": "holds", "the test set is read once a round": "not checked", "equal labels and steps": "holds",
    }  # fmt: skip


def test_it_is_printed(whole):
    _, record, _ = whole
    console = Console(file=io.StringIO(), width=160)
    console.print(bench_table(record))
    text = console.file.getvalue()
    assert "clouds.b3" in text and "mean rank over 2 data sets" in text and "check: random does not depend on the query size: not shown" in text


CHILD = """
import json, sys
from pathlib import Path
from contextlib import contextmanager
from querist.bench.benching import log_final, run_bench
from querist.bench.plan import BenchSpec
@contextmanager
def watch(cell):
    yield lambda event: print(event["event"], flush=True)
run_bench(BenchSpec.of(json.loads(sys.argv[1]), "light"), Path(sys.argv[2]), watch=watch)
"""


@pytest.mark.parametrize("rounds", [pytest.param(2, marks=pytest.mark.slow), 17])
def test_killed_and_started_again_it_ends_with_the_same_file(tmp_path, rounds):
    changed = {**SETTINGS, "datasets": ["clouds"], "seeds": 1, "learner": {"nap": 0.02}, "cells": {}}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    child = subprocess.Popen([sys.executable, "-c", CHILD, json.dumps(changed), str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment)
    for _ in zip(range(rounds), (line for line in child.stdout if line == "round\n"), strict=False):
        pass  # until so many rounds have been heard of
    crew = psutil.Process(child.pid).children()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    psutil.wait_procs(crew, timeout=10)
    assert not (tmp_path / "bench.json").exists()
    run_bench(BenchSpec.of(changed, "light"), tmp_path)
    run_bench(BenchSpec.of(changed, "light"), tmp_path / "never killed")
    assert (tmp_path / "bench.json").read_bytes() == (tmp_path / "never killed" / "bench.json").read_bytes()


def test_mistakes_in_any_cell_show_before_anything_runs(tmp_path):
    with pytest.raises(UsageError, match="budget"):
        run_bench(spec_of(cells={"skies.b6": {"budget": 500}}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_cell_may_be_added_and_a_folder_of_other_settings_is_refused(tmp_path):
    run_bench(spec_of(datasets=["clouds"], batches=[6], cells={}, seeds=1), tmp_path)
    kept = (tmp_path / "clouds.b6" / "runs" / "margin-0.json").stat().st_mtime_ns
    record, _ = run_bench(spec_of(datasets=["clouds"], seeds=1, cells={}), tmp_path)
    assert list(record.cells) == ["clouds.b3", "clouds.b6"] and (tmp_path / "clouds.b6" / "runs" / "margin-0.json").stat().st_mtime_ns == kept
    with pytest.raises(UsageError, match="other settings"):
        run_bench(spec_of(datasets=["clouds"], seeds=1, initial=9, cells={}), tmp_path)


def test_the_final_test_set_is_logged_once_for_every_bench_and_program(tmp_path):
    one = spec_of(datasets=["clouds"], batches=[6], cells={}, seeds=1)
    record, studies = run_bench(one, tmp_path, final=True, command="querist bench x --final")
    (line,) = (json.loads(line) for line in (tmp_path / "final.log").read_text().splitlines())
    assert line["study"] == "light" and line["datasets"] == ["clouds"] and line["date"] and "commit" in line and line["spec_sha256"] == one.sha256
    assert record.final and record.opened == studies["clouds.b6"].opened == [line] and studies["clouds.b6"].split == "final"
    assert any(check.name == "defaults are older than the final study" for check in record.checks)
    assert log_final(one, one.expand(final=True), tmp_path, "again") == [line]
    more = spec_of(datasets=["clouds"], batches=[6], cells={}, seeds=2)
    assert [each["spec_sha256"] for each in log_final(more, more.expand(final=True), tmp_path, "")] == [one.sha256, more.sha256]


def test_what_the_whole_pool_gives(tmp_path):
    cell = spec_of(datasets=["clouds"], batches=[6], cells={}, seeds=2, methods=[], saturation=True, metric="accuracy").expand()[0]
    study = run_study(cell.spec, tmp_path)
    found = study.saturation
    assert (found.labels, found.seeds, len(found.values), found.share) == (120, [0, 1, 2], 3, 0.99)
    assert min(found.values) > 0.7
    before = (tmp_path / "full-pool" / "random-0.json").stat().st_mtime_ns
    assert run_study(cell.spec, tmp_path).saturation == found
    assert (tmp_path / "full-pool" / "random-0.json").stat().st_mtime_ns == before
    there = {"random": study.methods["random"].model_copy(update={"curve": [[0.1, 0.99 * found.values[0] + 0.001, 0.8]]})}
    assert train_on_everything(cell.spec, 120, tmp_path, there)[0].beyond == 12
    low = {"random": study.methods["random"].model_copy(update={"curve": [[0.1, 0.2, 0.3]]})}
    assert train_on_everything(cell.spec, 120, tmp_path, low)[0].beyond is None


def test_progress_counts_the_cells_to_come(tmp_path):
    cells = spec_of(seeds=1).expand()
    console = Console(file=io.StringIO(), width=200)
    across = Across.of(cells, tmp_path, console=console)
    with across.watch(cells[0]) as emit:
        for labels in cells[0].spec.budgets:
            emit({"event": "round", "method": "margin", "seed": 0, "labels": labels, "accuracy": 0.5, "seconds": 2.0})
        emit({"event": "done", "method": "margin", "seed": 0})
    # Two runs of 5 rounds are left here, and 3 runs of 3 rounds in each of the cells to come, 2 s a round, one worker.
    assert console.file.getvalue() == "[1/3] margin seed 0: 50.0 % at 18 labels (1 seed), about 20 s left, about 56 s in all (cell 1 of 3)\n"


def test_runs_of_before_are_no_work(whole):
    across = Across.of(spec_of(seeds=3).expand(), whole[0])
    assert {name: len(runs) for name, runs in across.before.items()} == dict.fromkeys(CELLS, 6)
