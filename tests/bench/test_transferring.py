"""Other models on the index sets of a real study: its own recipe comes out as recorded, whatever the source of the ids."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest

from querist.bench.exploring_tables import transfer_sentence, transfer_table
from querist.bench.index_sets import recorded
from querist.bench.spec import StudySpec
from querist.bench.study import run_study
from querist.bench.transferring import transfer
from querist.core.errors import UsageError
from querist.data.datasets import named

SETTINGS = {"dataset": "wine", "methods": ["margin"], "seeds": 2, "baseline_factor": 1, "initial": 6, "batch": 6, "budget": 12, "steps": 5, "workers": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("study")
    return out, run_study(StudySpec.of(SETTINGS), out)


@pytest.fixture(scope="module")
def moved(folder):
    file = folder[0] / "fits.jsonl"
    return transfer(folder[0], {"same": {}, "linear": {"recipe": "features-head", "steps": 5}}, ledger=file), file


def test_the_studys_own_recipe_comes_out_as_recorded(folder, moved):
    found, _ = moved
    for name, result in folder[1].methods.items():
        assert [list(found.curves["same"][name][seed]) for seed in result.seeds] == result.curve
        assert [list(found.curves["linear"][name][seed]) for seed in result.seeds] != result.curve
    same = next(row for row in found.rows if row.model == "same")
    assert same.change.difference == 0 and same.original.difference == same.transferred.difference == pytest.approx(folder[1].comparisons[0].difference)
    assert same.share is None, "two seeds show no gain"
    # Round 1 is the same set for both methods: trained once.
    assert found.trained == {"new": 12, "before": 0, "shared": 4}
    assert found.order("linear") == (["margin", "random"] if found.rows[1].transferred.difference > 0 else ["random", "margin"])


def test_it_goes_on_where_it_was(folder, moved):
    found, file = moved
    again = transfer(folder[0], {"linear": {"recipe": "features-head", "steps": 5}}, ledger=file)
    assert again.trained["new"] == 0 and again.curves["linear"] == found.curves["linear"]


def test_index_sets_hold_every_budget_in_the_order_bought(folder):
    first, second = (recorded(folder[0], ("margin",), 1).runs[place] for place in (0, 1))
    assert (first.method, second.method) == ("random", "margin")
    for run in (first, second):
        assert [labels for _, labels, _ in run.rounds] == [6, 12] and len(set(run.ids)) == 12
        assert run.values == {item: named("wine").targets[item] for item in run.ids}
    assert set(first.ids[:6]) == set(second.ids[:6])


def test_a_snapshot_serves_as_well(folder, tmp_path):
    found = recorded(folder[0])
    runs = [
        {"method": run.method, "seed": run.seed, "rounds": [
            {"round": n, "labels": labels, "ids": run.ids[labels - 6 : labels], "metrics": {"accuracy": accuracy}} for n, labels, accuracy in run.rounds
        ]}
        for run in found.runs
    ]  # fmt: skip
    text = json.dumps({"spec": folder[1].spec, "runs": runs})
    (tmp_path / "snapshot.json").write_text(text, encoding="utf-8")
    (tmp_path / "s.json.gz").write_bytes(gzip.compress(text.encode()))
    for source in (tmp_path, tmp_path / "s.json.gz"):
        assert list(recorded(source).runs) == [replace(run, values=None) for run in found.runs]
    again = transfer(tmp_path, {"same": {}}, seeds=1)
    assert again.curves["same"] == again.curves["original"] and set(again.curves["same"]["margin"]) == {0}


def test_the_words(moved):
    assert transfer_table(moved[0]).row_count == 2
    assert "linear" in transfer_sentence(moved[0])
    json.dumps(moved[0].plain(), allow_nan=False)


@pytest.mark.parametrize(
    ("models", "which", "says"),
    [
        ({}, {}, "other models"),
        ({"x": {"recipe": "mpl"}}, {}, "mpl"),
        ({"x": {}}, {"methods": ("badge",)}, "badge"),
        ({"x": {}}, {"methods": ("random",)}, "baseline"),
    ],
)
def test_refusals(folder, models, which, says):
    with pytest.raises(UsageError, match=says):
        transfer(folder[0], models, **which)


def test_what_has_no_index_sets_or_may_not_be_opened(folder, tmp_path):
    (tmp_path / "snapshot.json").write_text(json.dumps({"spec": {**folder[1].spec, "final": True}, "runs": []}), encoding="utf-8")
    with pytest.raises(UsageError, match="final test set"):
        recorded(tmp_path)
    (tmp_path / "snapshot.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="not the snapshot"):
        recorded(tmp_path)
    with pytest.raises(UsageError, match="no index sets"):
        recorded(tmp_path / "nothing")


def test_a_study_of_balanced_accuracy_is_transferred_as_such(tmp_path):
    done = run_study(StudySpec.of({**SETTINGS, "dataset": "wine+longtail20", "metric": "balanced_accuracy", "seeds": 1}), tmp_path)
    found = transfer(tmp_path, {"same": {}}, ledger=tmp_path / "fits.jsonl")
    assert found.metric == found.plain()["metric"] == "balanced_accuracy" and "balanced accuracy" in transfer_table(found).title
    assert found.curves["same"] == found.curves["original"]
    for name, result in done.methods.items():
        assert [list(found.curves["same"][name][seed]) for seed in result.seeds] == result.curve
    assert recorded(tmp_path / "snapshot.json").runs == tuple(replace(run, values=None) for run in recorded(tmp_path).runs)
