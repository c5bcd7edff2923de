import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from querist.bench.runs import read_record, run_name
from querist.bench.spec import StudySpec
from querist.bench.study import run_study
from querist.core.errors import UsageError

SETTINGS = {"dataset": "clouds", "methods": ["margin"], "seeds": 2, "initial": 6, "batch": 6, "budget": 21, "workers": 1, "factory": "light_study:simulation"}


def spec_of(**changes):
    return StudySpec.of({**SETTINGS, **changes})


def numbers(study):
    """All that a study says about its methods, without times and memory."""
    plain = study.model_dump(include={"budgets", "methods", "comparisons", "label_saving", "at_budget", "spec_sha256"})
    for result in plain["methods"].values():
        del result["seconds"], result["rounds"], result["peak_mb"]
    return plain


def test_a_study_measures_every_run_at_exact_budgets(tmp_path):
    study = run_study(spec_of(), tmp_path, command="querist run clouds")
    assert study.budgets == [6, 12, 18, 21]
    assert {name: result.seeds for name, result in study.methods.items()} == {"random": [0, 1, 2, 3], "margin": [0, 1]}
    assert all(len(curve) == 4 for result in study.methods.values() for curve in result.curve)
    assert study.failures == []
    # Seeds share their initial set, and this learner is deterministic: the first point is the same for both methods.
    assert [curve[0] for curve in study.methods["margin"].curve] == [curve[0] for curve in study.methods["random"].curve[:2]]
    plain = json.loads((tmp_path / "study.json").read_text())
    assert {"study", "dataset", "spec_sha256", "budgets", "methods", "comparisons", "label_saving", "out", "report"} <= set(plain)
    assert set(plain["methods"]["margin"]) >= {"seeds", "metric", "curve", "aubc", "seconds"}
    assert set(plain["comparisons"][0]) >= {"method", "baseline", "measure", "difference", "low", "high", "n", "p", "verdict"}
    assert set(plain["label_saving"][0]) >= {"method", "baseline", "at", "ratio", "low", "high", "censored"}
    assert "margin" in Path(study.report).read_text()
    rows = list(csv.DictReader((tmp_path / "curves.csv").read_text().splitlines()))
    assert len(rows) == 6 * 4
    assert rows[0] | {"value": ""} == {
        "method": "random", "seed": "0", "round": "1", "labels": "6", "metric": "accuracy", "value": "",
        "seconds_train": "0.01", "seconds_score": "0.0", "seconds_select": "0.0",
    }  # fmt: skip


def test_results_do_not_depend_on_workers_or_on_the_order_of_completion(tmp_path):
    alone = run_study(spec_of(seeds=1), tmp_path / "alone")
    crew = run_study(spec_of(seeds=1, workers=2), tmp_path / "crew")
    assert numbers(alone) == numbers(crew)


def test_finished_runs_are_kept_and_methods_and_seeds_may_be_added(tmp_path):
    run_study(spec_of(seeds=1, baseline_factor=1), tmp_path)
    kept = tmp_path / "runs" / f"{run_name('margin', 0)}.json"
    before = kept.stat().st_mtime_ns
    events = []
    study = run_study(spec_of(seeds=2, baseline_factor=1, methods=["margin", "least"]), tmp_path, emit=events.append)
    assert kept.stat().st_mtime_ns == before
    assert {(event["method"], event["seed"]) for event in events} == {("least", 0), ("least", 1), ("margin", 1), ("random", 1)}
    assert study.methods["margin"].seeds == [0, 1]


def test_a_folder_of_other_settings_is_refused(tmp_path):
    run_study(spec_of(seeds=1), tmp_path)
    with pytest.raises(UsageError, match="batch = 7"):
        run_study(spec_of(seeds=1, batch=7), tmp_path)


@pytest.mark.parametrize(
    ("changes", "named"), [({"budget": 121}, "budget"), ({"initial": 200, "budget": 300}, "initial"), ({"methods": ["no-such-method"]}, "no-such-method")]
)
def test_mistakes_show_before_the_work_starts_and_leave_nothing(tmp_path, changes, named):
    with pytest.raises(UsageError, match=named):
        run_study(spec_of(**changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_factory_that_cannot_be_imported_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot import the run factory"):
        run_study(spec_of(factory="light_study:nothing"), tmp_path)


def test_a_failed_run_is_recorded_and_the_study_goes_on(tmp_path):
    study = run_study(spec_of(methods=["breaks", "margin"], workers=2), tmp_path)
    assert [(failure.method, failure.seed) for failure in study.failures] == [("breaks", 1)]
    assert "the loss is not finite" in study.failures[0].error
    assert study.methods["breaks"].seeds == [0]
    assert study.methods["margin"].seeds == [0, 1]
    assert next(row.n for row in study.comparisons if row.method == "breaks") == 1
    assert "the loss is not finite" in Path(study.report).read_text()
    assert "Traceback" in (tmp_path / "logs" / "failed-1.txt").read_text()


def test_a_method_that_never_finishes_is_left_out_of_the_comparisons(tmp_path):
    study = run_study(spec_of(methods=["dies", "margin"], workers=2, seeds=1), tmp_path)
    assert [failure.method for failure in study.failures] == ["dies"]
    assert "worker process ended" in study.failures[0].error
    assert [row.method for row in study.comparisons] == ["margin"]
    assert study.methods["dies"].seeds == []


def test_a_project_that_a_kill_left_half_made_is_begun_anew(tmp_path):
    whole = run_study(spec_of(seeds=1), tmp_path / "whole")
    (tmp_path / "hurt" / "runs").mkdir(parents=True)
    (tmp_path / "hurt" / "runs" / "margin-0.querist").write_bytes(b"SQLite form")
    assert numbers(run_study(spec_of(seeds=1), tmp_path / "hurt")) == numbers(whole)


CHILD = """
import json, sys
from pathlib import Path
from querist.bench.spec import StudySpec
from querist.bench.study import run_study
run_study(StudySpec.of(json.loads(sys.argv[1])), Path(sys.argv[2]), emit=lambda event: print(event["event"], flush=True))
"""


@pytest.mark.parametrize(("workers", "kills"), [(1, [3]), (2, [4])])
def test_a_study_killed_in_the_middle_goes_on_and_ends_with_the_same_numbers(tmp_path, workers, kills):
    changes = {"workers": workers, "seeds": 1, "learner": {"nap": 0.03}}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    command = [sys.executable, "-c", CHILD, json.dumps({**SETTINGS, **changes}), str(tmp_path / "killed")]
    killed_after = []
    for rounds in kills:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        seen = 0
        for line in child.stdout:
            seen += line == "round\n"
            if seen == rounds:
                break
        crew = psutil.Process(child.pid).children()
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert psutil.wait_procs(crew, timeout=10)[1] == [], "workers must not outlive their study"
        spec = spec_of(**changes)
        killed_after.append(sum(read_record(tmp_path / "killed" / "runs", *run, spec.run_sha256) is not None for run in spec.runs()))
    assert killed_after[-1] < len(spec.runs())
    resumed = run_study(spec, tmp_path / "killed")
    assert [failure.error for failure in resumed.failures] == []
    assert numbers(resumed) == numbers(run_study(spec, tmp_path / "whole"))


def test_records_that_are_torn_or_of_other_settings_do_not_count(tmp_path):
    run_study(spec_of(seeds=1), tmp_path)
    runs, digest = tmp_path / "runs", spec_of().run_sha256
    assert read_record(runs, "margin", 0, digest) is not None
    assert read_record(runs, "margin", 0, "0" * 64) is None
    file = runs / "margin-0.json"
    file.write_text(file.read_text()[:-40])
    assert read_record(runs, "margin", 0, digest) is None


def test_names_of_runs_are_safe_and_distinct():
    assert run_name("margin", 3) == "margin-3"
    assert "/" not in run_name("a/b:C", 0) and ":" not in run_name("a/b:C", 0)
    assert run_name("a/b:C", 0) != run_name("a:b/C", 0)
