"""What was bought and what training on it takes: from records and a data set, by hand."""

import numpy as np
import pytest

from querist.bench import bought as module
from querist.bench.bought import bought, trained
from querist.bench.results import MethodResult, Saturation, Seconds, Study
from querist.bench.runs import RoundRecord, RunRecord
from querist.bench.spec import StudySpec
from querist.bench.study import conclude
from querist.bench.tables import bought_rows, trained_rows
from querist.data.datasets import NamedPool, named

SPEC = StudySpec.of({"dataset": "wine+longtail20", "methods": ["margin"], "seeds": 2, "baseline_factor": 1, "initial": 4, "batch": 4, "budget": 8})
DATA = named(SPEC.dataset)


def of_class(name, count, skip=0):
    return [item for item in DATA.candidates if DATA.targets[item] == name][skip : skip + count]


def run(method, seed, ids, **changes):
    rounds = tuple(RoundRecord(labels, {"accuracy": 0.5}, {}, tuple(ids[labels - 4 : labels])) for labels in (4, 8))
    return RunRecord(method, seed, SPEC.run_sha256, rounds, **changes)


@pytest.fixture(scope="module")
def runs():
    sizes = {name: len(of_class(name, 999)) for name in DATA.classes}
    rarest = min(sizes, key=sizes.get)
    often, also = (name for name in DATA.classes if name != rarest)
    even = of_class(often, 3) + of_class(also, 3) + of_class(rarest, 2)
    late = of_class(often, 7) + of_class(rarest, 1)
    return rarest, sizes[rarest], [run("random", 0, even), run("random", 1, late), run("margin", 0, of_class(often, 8)), run("margin", 1, of_class(often, 8))]


def test_means_over_runs_and_how_many_never_came_to_it(runs):
    rarest, size, records = runs
    base, margin = bought(SPEC, records)
    assert (base.method, base.runs, base.rarest, margin.method) == ("random", 2, rarest, "margin")
    assert (base.every_class, base.every_class_missed, base.ten_each_missed) == (7.0, 1, 2) and base.ten_each is None
    assert (margin.every_class, margin.every_class_missed, margin.rarest_recall, margin.balance) == (None, 2, 0.0, 0.0)
    assert base.rarest_recall == pytest.approx((2 + 1) / 2 / size) and 0 < base.balance < 1
    assert bought(SPEC, records[::-1]) == [base, margin], "the order of records has no influence"


def test_near_duplicates_are_those_of_the_raw_inputs(runs, monkeypatch):
    records = runs[2]
    x = NamedPool(SPEC.dataset, None, "pool").take(list(DATA.candidates)).astype(float)
    gaps = np.sqrt(((x[:, None] - x) ** 2).sum(axis=2))
    median = np.median(gaps[np.triu_indices(len(x), 1)])
    place = {item: row for row, item in enumerate(DATA.candidates)}
    expected = []
    for record in records[:2]:
        rows = [place[item] for row in record.rounds for item in row.ids]
        expected.append(np.mean([bool(at) and gaps[rows[at], rows[:at]].min() <= 0.15 * median for at in range(len(rows))]))
    assert bought(SPEC, records)[0].near_duplicates == pytest.approx(np.mean(expected), abs=1 / 8)
    monkeypatch.setattr(module, "WORK", 0.0)
    assert [row.near_duplicates for row in bought(SPEC, records)] == [None, None], "too many to look at"


def test_of_repeated_items_the_second_is_a_near_duplicate():
    spec = SPEC.model_copy(update={"dataset": "wine+repeat2"})
    ids = list(named(spec.dataset).candidates)
    x = NamedPool(spec.dataset, None, "pool").take(ids).astype(float)
    gaps = np.sqrt(((x[:, None] - x) ** 2).sum(axis=2)) + 1e9 * np.eye(len(x))
    nearest = gaps.argmin(axis=1)
    order = np.argsort(-gaps.min(axis=1))  # the loneliest first
    pairs = [row for place in np.argsort(gaps.min(axis=1)) for row in (place, nearest[place])]
    lonely, twins = ([ids[row] for row in dict.fromkeys(rows.tolist() if hasattr(rows, "tolist") else map(int, rows))][:8] for rows in (order, pairs))
    assert bought(spec, [run("random", 0, twins)])[0].near_duplicates >= 3 / 8 > bought(spec, [run("random", 0, lonely)])[0].near_duplicates


def test_nothing_is_said_without_items_data_or_a_named_set(runs):
    bare = [RunRecord("random", 0, SPEC.run_sha256, (RoundRecord(4, {"accuracy": 0.5}, {}),))]
    assert bought(SPEC, bare) == bought(SPEC, []) == []
    assert bought(SPEC.model_copy(update={"factory": "light_study:simulation"}), runs[2]) == []
    assert bought(SPEC.model_copy(update={"dataset": "no-such-set"}), runs[2]) == []
    assert bought(SPEC, [run("random", 0, [f"stranger-{place}" for place in range(8)])]) == []


def test_training_on_what_was_chosen_and_on_everything():
    def method(*curve):
        return MethodResult(seeds=[0], metric="accuracy", curve=[list(curve)], aubc=[0.5], seconds=Seconds(), rounds=[Seconds(train=2.0), Seconds(train=3.0)])

    whole = Saturation(labels=100, seeds=[0, 1], values=[0.9, 0.9], share=0.99, beyond=None, training=[9.0, 11.0])
    rows = trained(SPEC, {"random": method(0.5, 0.89), "margin": method(0.5, 0.896)}, whole)
    assert [(row.method, row.labels, row.seconds) for row in rows] == [("random", None, None), ("margin", 8, 3.0)]
    assert {(row.full_labels, row.full_seconds) for row in rows} == {(100, 10.0)}
    assert trained(SPEC, {}, None) == trained(SPEC, {"random": method(0.9, 0.9)}, whole.model_copy(update={"training": []})) == []
    told = Study(study="x", dataset="x", spec_sha256="", budgets=[4, 8], methods={}, comparisons=[], label_saving=[], out="", report="", trained=rows)
    assert trained_rows(told)[0][1:3] == ["not within the budget", "–"] and trained_rows(told)[1] == ["margin", "8", "3 s", "10 s (100 labels)", "0.30 ×"]


def test_a_study_says_it(runs, tmp_path):
    study = conclude(SPEC, runs[2], [], out=tmp_path)
    assert study.bought == bought(SPEC, [run for run in runs[2] if (run.method, run.seed) != ("margin", 0)]), "void: it began with other items"
    assert Study.model_validate_json(study.model_dump_json()) == study
    lines = bought_rows(study)
    assert lines[0][:3] == ["random", "7 (never in 1 of 2)", "never in 2"] and lines[1][1] == "never in 1" and lines[0][5].endswith(" %")
