import numpy as np
import pytest

from querist.bench.analysis import at_equal_labels, compare, method_results, savings, tidy
from querist.bench.runs import RoundRecord, RunRecord
from querist.bench.spec import StudySpec
from querist.bench.statistics import holm

BUDGETS = (10, 20, 30, 40)


def spec_of(*methods, **changes):
    return StudySpec.of({"dataset": "digits", "methods": methods, "seeds": 5, "initial": 10, "batch": 10, "budget": 40, **changes})


def run(spec, method, seed, curve):
    seconds = {"train": 2.0, "score": 0.5, "select": 0.25}
    rounds = tuple(RoundRecord(labels, {"accuracy": float(value)}, seconds) for labels, value in zip(spec.budgets, curve, strict=True))
    return RunRecord(method, seed, spec.run_sha256, rounds)


def records(spec, lifts, missing=()):
    """Curves that rise with labels; `lifts` raises a method's; every seed has its own level and every run its noise."""
    made = []
    for method, seed in spec.runs():
        if (method, seed) in missing:
            continue
        level = np.random.default_rng(seed).normal(0, 0.01)
        noise = np.random.default_rng([seed, spec.methods.index(method)]).normal(0, 0.004, len(BUDGETS))
        made.append(run(spec, method, seed, np.array([0.5, 0.6, 0.7, 0.8]) + level + noise + lifts.get(method, 0.0)))
    return made


def test_results_hold_every_seed_in_order_with_areas_and_seconds():
    spec = spec_of("margin", seeds=1)
    shuffled = [run(spec, "random", 1, (0.4, 0.4, 0.4, 0.4)), run(spec, "margin", 0, (0.5, 0.6, 0.7, 0.8)), run(spec, "random", 0, (0.3, 0.3, 0.3, 0.3))]
    methods = method_results(spec, shuffled)
    assert list(methods) == ["random", "margin"]
    assert methods["random"].seeds == [0, 1]
    assert methods["random"].aubc == pytest.approx([0.3, 0.4])
    assert methods["margin"].aubc == pytest.approx([0.65])
    assert methods["margin"].seconds.train == pytest.approx(8.0)
    assert [part.select for part in methods["margin"].rounds] == [0.25] * 4


def test_the_order_of_records_has_no_influence():
    spec = spec_of("margin", "badge")
    there = records(spec, {"margin": 0.02})
    back = method_results(spec, there[::-1])
    assert back == method_results(spec, there)


def test_comparisons_have_the_right_sign_and_pair_only_shared_seeds():
    spec = spec_of("good", "bad", "same")
    found = {row.method: row for row in compare(method_results(spec, records(spec, {"good": 0.05, "bad": -0.05})), spec.margin)}
    assert found["good"].difference == pytest.approx(0.05, abs=0.01) and found["good"].verdict == "better"
    assert found["bad"].difference == pytest.approx(-0.05, abs=0.01) and found["bad"].verdict == "worse"
    assert found["same"].verdict in ("equivalent", "no difference shown")
    assert {row.n for row in found.values()} == {5}  # the baseline has ten
    assert [row.p for row in found.values()] == holm([row.p_unadjusted for row in found.values()])


def test_a_missing_seed_is_left_out_of_its_pair_and_not_replaced_by_the_next():
    spec = spec_of("good")
    whole = compare(method_results(spec, records(spec, {})), spec.margin)[0]
    holed = compare(method_results(spec, records(spec, {}, missing={("good", 1)})), spec.margin)[0]
    methods = method_results(spec, records(spec, {}))
    gaps = [methods["good"].aubc[seed] - methods["random"].aubc[seed] for seed in (0, 2, 3, 4)]
    assert (whole.n, holed.n) == (5, 4)
    assert holed.difference == pytest.approx(np.mean(gaps))
    assert holed.verdict == "no verdict"


def test_without_a_shared_seed_there_is_no_comparison():
    spec = spec_of("good", seeds=1, baseline_factor=1)
    methods = method_results(spec, records(spec, {}, missing={("good", 0)}))
    assert compare(methods, spec.margin) == []
    assert savings(spec, methods) == [] and at_equal_labels(spec, methods) == []


def test_savings_at_the_fractions_of_the_budget():
    spec = spec_of("good")
    rows = savings(spec, method_results(spec, records(spec, {"good": 0.1})))
    assert [row.fraction for row in rows] == [0.5, 0.75, 1.0]
    final = rows[-1]
    # One tenth of accuracy is ten labels here: 40 labels of the baseline, 30 of the method.
    assert final.ratio == pytest.approx(4 / 3, abs=0.08)
    assert final.low < final.ratio < final.high
    assert final.n == 5 and final.censored is None
    assert final.ratio == pytest.approx(final.baseline_labels / final.labels)
    assert rows == savings(spec, method_results(spec, records(spec, {"good": 0.1})))


def test_a_loser_is_censored_and_its_interval_is_none():
    spec = spec_of("bad", accuracies=(0.2, 0.99))
    *_, final, easy, hard = savings(spec, method_results(spec, records(spec, {"bad": -0.2})))
    assert (final.ratio, final.censored, final.low, final.high) == (None, "method", None, None)
    assert final.bound == pytest.approx(1.0, abs=0.1)
    assert easy.ratio == 1.0  # both are there from the start
    assert (hard.ratio, hard.bound) == (None, None)


def test_an_interval_that_leaves_the_budgets_is_open():
    spec = spec_of("mixed")
    base = [record for record in records(spec, {}) if record.method == "random"]
    lifts = (0.02, 0.03, 0.02, 0.01, -0.04)
    mixed = [run(spec, "mixed", seed, [row.metrics["accuracy"] + lift for row in base[seed].rounds]) for seed, lift in enumerate(lifts)]
    final = savings(spec, method_results(spec, base + mixed))[-1]
    assert final.ratio is not None and final.low_open
    assert final.low == pytest.approx(final.baseline_labels / 40)


def test_accuracy_at_equal_labels():
    spec = spec_of("good")
    rows = at_equal_labels(spec, method_results(spec, records(spec, {"good": 0.05})))
    assert [row.labels for row in rows] == [20, 30, 40]
    assert rows[-1].difference == pytest.approx(rows[-1].accuracy - rows[-1].baseline_accuracy)
    assert rows[-1].difference == pytest.approx(0.05, abs=0.01)


def test_long_form_has_one_row_per_measurement_in_a_fixed_order():
    spec = spec_of("good")
    rows = tidy(spec, records(spec, {})[::-1])
    assert len(rows) == 15 * 4
    first = [("random", 0, labels) for labels in BUDGETS] + [("random", 1, 10)]
    assert [(row["method"], row["seed"], row["labels"]) for row in rows[:5]] == first


def test_labels_that_tuned_the_recipe_count_on_both_sides():
    plain, tuned = spec_of("margin"), spec_of("margin", tuning_labels=60, accuracies=(0.75,))
    there = records(plain, {"margin": 0.05})
    before, after = (savings(spec, method_results(spec, there)) for spec in (plain, tuned))
    for one, other in zip(before, after[:3], strict=True):
        assert (one.at, one.fraction) == (other.at, other.fraction), "fractions are of what the runs bought"
        assert other.labels == pytest.approx(one.labels + 60) and other.baseline_labels == pytest.approx(one.baseline_labels + 60)
        assert other.ratio == pytest.approx(other.baseline_labels / other.labels) and 1 < other.ratio < one.ratio
        assert 1 < other.low < other.ratio < other.high < one.high
    assert after[3].ratio == pytest.approx(after[3].baseline_labels / after[3].labels) and after[3].at == 0.75
    assert [row.labels for row in at_equal_labels(tuned, method_results(tuned, there))] == [20, 30, 40], "bought by the runs"
    assert compare(method_results(tuned, there), 0.005) == compare(method_results(plain, there), 0.005), "a shift moves no area"
