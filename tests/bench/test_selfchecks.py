"""The checks of the platform on itself: each holds where it should, and each finds what violates it."""

import subprocess
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from querist.bench import selfchecks
from querist.bench.pool_order import pool_order
from querist.bench.results import Void
from querist.bench.runs import RoundRecord, RunRecord
from querist.bench.selfchecks import Random, defaults, is_void, of_runs, query_sizes
from querist.bench.spec import StudySpec
from querist.bench.study import conclude
from querist.core.records import Selection

SPEC = StudySpec.of({"dataset": "digits", "methods": ["margin"], "seeds": 6, "baseline_factor": 1, "initial": 10, "batch": 10, "budget": 30})


@dataclass(frozen=True)
class Round:
    """A round as newer records have it."""

    labels: int
    metrics: dict = field(default_factory=lambda: {"accuracy": 0.5})
    seconds: dict = field(default_factory=dict)
    ids: tuple = ()
    steps: tuple = ()
    test_reads: tuple = ()
    unlabelled: tuple = ()
    spent: dict = field(default_factory=dict)


def run(method, seed, *, spec=SPEC, **changes):
    rng = np.random.default_rng([seed, len(method)])
    rows = [Round(labels, {"accuracy": 0.4 + labels / 100 + 0.02 * rng.random()}, {}, (f"i{seed}",), (20,), (0, 1)) for labels in spec.budgets]
    return RunRecord(method, seed, spec.run_sha256, tuple(replace(row, **changes) for row in rows))


def runs(**margin):
    return [run(method, seed, **(margin if method == "margin" and seed == 3 else {})) for method, seed in SPEC.runs()]


def verdicts(found):
    return {check.name: check.verdict for check in found.checks}


def test_honest_runs_hold():
    found = of_runs(SPEC, runs())
    assert set(verdicts(found).values()) == {"holds"} and len(found.checks) == 3 and found.void == ()


def test_records_that_do_not_say_are_not_checked():
    plain = [RunRecord(run.method, run.seed, run.run_sha256, tuple(RoundRecord(r.labels, r.metrics, r.seconds) for r in run.rounds)) for run in runs()]
    assert verdicts(of_runs(SPEC, plain)) == {selfchecks.SEEDS: "holds", selfchecks.TEST_SET: "not checked", selfchecks.SPENT: "not checked"}


@pytest.mark.parametrize(
    ("changes", "check", "words"),
    [
        ({"ids": ("other",)}, selfchecks.SEEDS, "another initial set than that of random"),
        ({"test_reads": (1, 1)}, selfchecks.TEST_SET, "round 1 read the test set 1 times before training ended"),
        ({"test_reads": (0, 2)}, selfchecks.TEST_SET, "and 2 times after"),
        ({"steps": (40,)}, selfchecks.SPENT, "40 steps at 10 labels, not 20"),
        ({"steps": (20, 21)}, selfchecks.SPENT, "20 steps at 10 labels, not 20|steps at 10 labels"),
        ({"labels": 11}, selfchecks.SPENT, "other numbers of labels"),
    ],
)
def test_a_run_that_violates_a_rule_is_void(changes, check, words):
    found = of_runs(SPEC, runs(**changes))
    assert verdicts(found)[check] == "violated"
    (mark,) = found.void
    assert (mark.check, mark.method, mark.seed) == (check, "margin", 3)
    assert any(word in mark.reason for word in words.split("|"))


def test_several_networks_of_equal_steps_are_said_and_not_void():
    found = of_runs(SPEC, runs(steps=(20, 20, 20)))
    assert found.void == () and "several networks: margin" in next(check.detail for check in found.checks if check.name == selfchecks.SPENT)


def test_two_runs_of_one_seed_are_void():
    found = of_runs(SPEC, [*runs(), run("margin", 2)])
    assert [(mark.method, mark.seed, mark.reason) for mark in found.void] == [("margin", 2, "two runs of one seed")]


def test_what_is_void_is_in_no_result_and_is_printed(tmp_path):
    study = conclude(SPEC, runs(test_reads=(2, 1)), [], out=tmp_path)
    assert study.methods["margin"].seeds == [0, 1, 2, 4, 5] and study.comparisons[0].n == 5
    assert [(mark.method, mark.seed) for mark in study.void] == [("margin", 3)]
    whole = conclude(SPEC, runs(), [], out=tmp_path, marks=[Void(check="x", reason="y", method="margin")])
    assert whole.methods["margin"].seeds == [] and whole.comparisons == []


def test_marks_name_runs_methods_or_everything():
    mark = Void(check="x", reason="y", method="margin", seed=3)
    assert is_void([mark], "margin", 3) and not is_void([mark], "margin", 2) and not is_void([mark], "random", 3)
    assert is_void([Void(check="x", reason="y", method="margin")], "margin", 9)
    assert is_void([Void(check="x", reason="y")], "random", 0)


# ==== random and the query size ====


def cell(batch, shift=0.0, seeds=10, bent=0.0, noise=0.002, **settings):
    spec = StudySpec.of({"dataset": "digits", "initial": 10, "batch": batch, "budget": 50, **settings})
    x = np.array(spec.budgets)
    rng = np.random.default_rng(batch)
    curves = {seed: (0.5 + x / 200 - bent * np.exp(-x / 10) + shift + noise * rng.normal(size=len(x))).tolist() for seed in range(seeds)}
    return Random(f"{settings.get('dataset', 'digits')}.b{batch}", spec, curves)


def test_the_same_random_is_equivalent_and_another_is_void():
    assert [check.verdict for check in query_sizes([cell(5), cell(20)]).checks] == ["holds"]
    found = query_sizes([cell(5), cell(20, shift=0.03)])
    assert [check.verdict for check in found.checks] == ["violated"] and {mark.cell for mark in found.void} == {"digits.b5", "digits.b20"}
    assert all(mark.method is None and "−3.0" in mark.reason for mark in found.void)


def test_areas_are_read_at_the_same_points_of_a_curve_that_bends():
    """With all of its points the finer curve has the larger area, by two points here."""
    assert [check.verdict for check in query_sizes([cell(5, bent=0.5), cell(20, bent=0.5)]).checks] == ["holds"]


def test_few_or_noisy_seeds_show_nothing_and_void_nothing():
    for others in ({"seeds": 1}, {"noise": 0.1}, {"seeds": 3}):
        found = query_sizes([cell(5, **others), cell(20, **others)])
        assert [check.verdict for check in found.checks] == ["not shown"] and found.void == ()


def test_only_cells_that_differ_in_their_query_size_alone_are_compared():
    pairs = query_sizes([cell(5), cell(10), cell(20), cell(5, dataset="wine"), cell(20, metric="balanced_accuracy")])
    assert [check.detail.partition(":")[0] for check in pairs.checks] == ["digits.b5 and digits.b10", "digits.b5 and digits.b20"]
    assert [check.verdict for check in query_sizes([cell(5), cell(20, dataset="wine")]).checks] == ["not checked"]


# ==== the order of the pool ====


@dataclass
class Second:
    """Takes other items every time it is called."""

    @property
    def needs(self):
        return frozenset({"probs"})

    calls = 0

    def select(self, view, k, rng):
        Second.calls += 1
        ids = list(view.candidates)[Second.calls : Second.calls + k]
        return Selection(tuple(ids), tuple(-float(rank) for rank in range(k)))


@dataclass(frozen=True)
class Breaks:
    """A strategy that raises."""

    @property
    def needs(self):
        return frozenset({"probs"})

    def select(self, view, k, rng):
        raise RuntimeError("no idea")


def test_methods_of_the_catalogue_hold():
    found = pool_order((name, name) for name in ["random", "margin", "coreset", "auto", "margin"])
    assert [(check.verdict, check.detail) for check in found.checks] == [("holds", "4 of 4 methods picked the same items")] and found.void == ()


def test_a_method_that_draws_by_place_is_void():
    found = pool_order((name, name) for name in ["margin", "test_selfchecks:Second"])
    assert [check.verdict for check in found.checks] == ["violated"]
    assert [(mark.method, mark.seed, mark.cell) for mark in found.void] == [("test_selfchecks:Second", None, None)]


def test_what_cannot_be_tried_is_named():
    found = pool_order((name, name) for name in ["dfal", "nothing_of_that_name", "test_selfchecks:Breaks"])
    (check,) = found.checks
    assert check.verdict == "not checked" and found.void == ()
    assert all(word in check.detail for word in ("dfal: needs boundary_distance", "nothing_of_that_name", "RuntimeError: no idea"))


# ==== defaults ====


def test_defaults_that_are_newer_than_a_final_study_make_it_void(tmp_path):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path)]
    table = tmp_path / "methods.toml"
    table.write_text("a = 1\n")
    assert [check.verdict for check in defaults([{"date": "2030-01-01T00:00:00+00:00"}], table).checks] == ["not checked"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "x", "--date", "2029-05-05T00:00:00+00:00"], check=True, env={"GIT_COMMITTER_DATE": "2029-05-05T00:00:00+00:00"})
    assert [check.verdict for check in defaults([{"date": "2030-01-01T00:00:00+00:00"}], table).checks] == ["holds"]
    found = defaults([{"date": "2028-01-01T00:00:00+00:00"}, {"date": "2030-01-01T00:00:00+00:00"}], table)
    assert [check.verdict for check in found.checks] == ["violated"] and found.void[0].method is None
    table.write_text("a = 2\n")
    assert "no commit holds" in defaults([{"date": "2030-01-01T00:00:00+00:00"}], table).void[0].reason
    assert defaults([], table).checks == ()


def test_methods_that_are_trained_in_a_way_of_their_own_may_take_other_steps_but_all_of_them_the_same():
    spec = StudySpec.of({**SPEC.model_dump(), "methods": ("random", "margin"), "strategies": {"random+slow": {"use": "random", "learner": {"pace": 2.0}}}})
    runs = [run("random", seed, spec=spec) for seed in range(3)] + [run("random+slow", seed, spec=spec, steps=(40,)) for seed in range(3)]
    fair = {check.name: check for check in of_runs(spec, runs).checks}["equal labels and steps"]
    assert fair.verdict == "holds" and "trained in a way of their own: random+slow" in fair.detail
    void = of_runs(spec, [*runs, run("random+slow", 3, spec=spec, steps=(50,)), run("margin", 0, spec=spec, steps=(40,))]).void
    assert {(mark.method, mark.seed) for mark in void} == {("random+slow", 3), ("margin", 0)}
