import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.bench.curves import deficiency, log_aubc, normalised_gain, saving_band, saving_curve, thirds, training_at
from querist.bench.measures import Target, aubc, label_saving, labels_at, labels_to_reach, log_saving
from querist.bench.statistics import bootstrap_t
from querist.core.errors import UsageError


def test_log_area_weighs_every_doubling_the_same():
    # Over log2: one step of mean .3, two of mean .6, over three steps: (.3 + 1.2) / 3.
    assert log_aubc([10, 20, 80], [0.2, 0.4, 0.8]) == pytest.approx(0.5)
    assert log_aubc([1, 10, 100], [[0.0, 0.5, 1.0], [1.0, 1.0, 1.0]]) == pytest.approx([0.5, 1.0])
    assert aubc([1, 10, 100], [0.0, 0.5, 1.0]) == pytest.approx((9 * 0.25 + 90 * 0.75) / 99)  # what it is not


def test_log_area_of_one_budget_is_its_accuracy_and_of_none_labels_is_refused():
    assert log_aubc([20], [0.7]) == 0.7
    with pytest.raises(UsageError, match="logarithmic"):
        log_aubc([0, 10], [0.1, 0.2])


def test_thirds_of_a_line_by_hand():
    # From 0 at 30 labels to .6 at 60: the thirds end at 40 and 50, where the line is .2 and .4.
    assert thirds([30, 60], [0.0, 0.6]) == pytest.approx([0.1, 0.3, 0.5])


def test_thirds_cut_inside_trapezoids():
    # 0 up to 20, then 1 at 30: the last third (20 to 30) holds the whole triangle.
    assert thirds([0, 5, 20, 30], [0.0, 0.0, 0.0, 1.0]) == pytest.approx([0.0, 0.0, 0.5])


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1)), min_size=2, max_size=12))
def test_thirds_average_to_the_area_whatever_the_spacing(points):
    budgets, curve = np.cumsum([step for step, _ in points]), [value for _, value in points]
    assert thirds(budgets, curve).mean() == pytest.approx(float(aubc(budgets, curve)), abs=1e-9)


def test_thirds_by_rounds_average_accuracies_and_the_first_take_what_does_not_divide():
    curve = [0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.9]
    assert thirds(range(1, 8), curve, by="rounds") == pytest.approx([0.2, 0.5, 0.8])
    assert thirds(range(1, 8), [curve, curve], by="rounds").shape == (2, 3)
    with pytest.raises(UsageError, match="thirds"):
        thirds([1, 2], [0.1, 0.2], by="rounds")
    with pytest.raises(UsageError, match="thirds"):
        thirds([1], [0.1])


def test_gain_is_a_share_of_what_can_be_gained():
    assert normalised_gain(0.85, 0.80, 0.90) == pytest.approx(0.5)
    assert normalised_gain([0.80, 0.90, 0.78], 0.80, 0.90) == pytest.approx([0.0, 1.0, -0.2])
    assert math.isnan(normalised_gain(0.85, 0.90, 0.90))  # saturated: nothing to gain
    assert math.isnan(normalised_gain(0.85, 0.91, 0.90))


def test_deficiency_by_hand():
    # Shortfalls from .9: method .3 + .1 + 0, baseline .4 + .2 + 0.
    assert deficiency([0.6, 0.8, 0.9], [0.5, 0.7, 0.9]) == pytest.approx(2 / 3)
    assert deficiency([0.5, 0.7, 0.9], [0.5, 0.7, 0.9]) == pytest.approx(1.0)
    assert deficiency([[0.9, 0.9, 0.9], [0.4, 0.6, 0.8]], [0.5, 0.7, 0.9]) == pytest.approx([0.0, 1.5])


def test_deficiency_from_the_highest_or_the_final_accuracy():
    baseline, method = [0.5, 0.9, 0.8], [0.7, 0.8, 0.8]
    assert deficiency(method, baseline) == pytest.approx(0.4 / 0.5)
    assert deficiency(method, baseline, best="final") == pytest.approx(0.1 / 0.2)
    assert math.isnan(deficiency([0.5, 0.5], [0.6, 0.6]))
    with pytest.raises(UsageError, match="same budgets"):
        deficiency([0.5, 0.6, 0.7], [0.5, 0.6])


BUDGETS = [100, 200, 300, 400]
BASELINE = [[0.5, 0.6, 0.7, 0.8]]


def test_saving_at_every_accuracy_by_hand():
    found = saving_curve(BUDGETS, [[0.5, 0.8, 0.85, 0.9]], BASELINE, at=[0.65, 0.8])
    assert found.ratio == pytest.approx([250 / 150, 400 / 200])
    assert found.known == ("exact", "exact")
    assert found.labels == pytest.approx([150, 200]) and found.baseline_labels == pytest.approx([250, 400])


def test_saving_curve_spans_the_baseline_from_its_start_to_its_end():
    found = saving_curve(BUDGETS, BASELINE, BASELINE, points=3)
    assert found.at == pytest.approx([0.6, 0.7, 0.8])
    assert found.ratio == pytest.approx([1.0, 1.0, 1.0])
    assert len(saving_curve(BUDGETS, BASELINE, [[0.5, 0.5, 0.5, 0.5]]).at) == 1  # flat: one accuracy


def test_saving_curve_is_censored_on_both_sides():
    slow = saving_curve(BUDGETS, [[0.5, 0.55, 0.6, 0.65]], BASELINE, at=[0.6, 0.7])
    assert slow.known == ("exact", "at most")
    assert slow.ratio == pytest.approx([200 / 300, 300 / 400])  # at .7 more than 400 labels are needed: below .75
    assert math.isnan(slow.labels[1])
    head_start = saving_curve(BUDGETS, [[0.65, 0.7, 0.75, 0.8]], BASELINE, at=[0.6, 0.8])
    assert head_start.known == ("at least", "exact")
    assert head_start.ratio == pytest.approx([200 / 100, 1.0])
    above = saving_curve(BUDGETS, [[0.5, 0.85, 0.9, 0.95]], BASELINE, at=[0.9])
    assert (above.known, above.ratio.tolist()) == (("at least",), [pytest.approx(400 / 300)])


def test_saving_curve_says_nothing_where_nothing_is_known():
    found = saving_curve(BUDGETS, BASELINE, BASELINE, at=[0.4, 0.99])  # both were there before, neither gets there
    assert found.known == ("unknown", "unknown")
    assert np.isnan(found.ratio).all()
    start = saving_curve(BUDGETS, BASELINE, BASELINE, at=[0.5])  # where the curves begin, too, the labels needed may be fewer
    assert start.known == ("unknown",)
    behind = saving_curve(BUDGETS, [[0.3, 0.5, 0.6, 0.7]], BASELINE, at=[0.4])  # the baseline started above
    assert (behind.known, behind.ratio.tolist()) == (("at most",), [pytest.approx(100 / 150)])


def test_saving_curve_agrees_with_the_single_ratio():
    rng = np.random.default_rng(4)
    method, baseline = np.sort(rng.random((5, 6)), axis=1) + 0.05, np.sort(rng.random((5, 6)), axis=1)
    budgets = [20, 40, 60, 100, 140, 200]
    found = saving_curve(budgets, method, baseline, points=20)
    for at, ratio, known in zip(found.at, found.ratio, found.known, strict=True):
        single = label_saving(budgets, method, baseline, Target(accuracy=at))
        if known == "exact":
            assert ratio == pytest.approx(single.ratio)
    assert "exact" in found.known


def test_training_seconds_at_the_accuracy_of_the_full_set():
    curves, seconds = [[0.5, 0.7, 0.8, 0.9], [0.5, 0.7, 0.8, 0.9]], [1.0, 2.0, 3.0, 4.0]
    found = training_at(BUDGETS, curves, seconds, 0.8, 12.0)
    assert (found.labels, found.seconds, found.ratio) == (300, 3.0, 0.25)
    assert training_at(BUDGETS, curves, seconds, 0.91, 12.0) is None
    assert training_at(BUDGETS, curves, seconds, 0.91, 12.0, shortfall=0.01).labels == 400
    assert training_at(BUDGETS, [[0.5, 0.85, 0.6, 0.9]], seconds, 0.8, 12.0).labels == 400  # a lucky peak does not count
    for bad in (([1.0], 12.0), (seconds, 0.0)):
        with pytest.raises(UsageError, match="training time"):
            training_at(BUDGETS, curves, bad[0], 0.8, bad[1])


def test_the_band_around_savings_agrees_with_single_intervals_and_holds_the_curve():
    rng = np.random.default_rng(3)
    budgets, base = (10, 20, 30, 40), np.array([0.5, 0.6, 0.7, 0.8])
    theirs, ours = (base + lift + rng.normal(0, 0.01, (8, 4)) for lift in (0.0, 0.04))
    found = saving_curve(budgets, ours, theirs, points=6)
    band = saving_band(budgets, ours, theirs, found.at, np.random.Generator(np.random.PCG64(0)))
    assert (band[:, 0] <= found.ratio).all() and (found.ratio <= band[:, 1]).all()
    for level, (low, high) in zip(found.at, band, strict=True):
        target = Target(accuracy=float(level))
        rng_again = np.random.Generator(np.random.PCG64(0))
        ends = bootstrap_t(lambda weights, target=target: log_saving(budgets, ours, theirs, target, weights), 8, rng_again, draws=1000)
        assert np.exp(ends) == pytest.approx([low, high])
    assert saving_band(budgets, ours[:4], theirs[:4], found.at, rng) is None


def test_labels_at_many_accuracies_are_those_at_each():
    curves, levels = np.random.default_rng(0).random((5, 6)), np.linspace(0, 1, 9)
    many = labels_at((1, 2, 4, 8, 9, 12), curves, levels)
    assert many.shape == (5, 9)
    for place, level in enumerate(levels):
        np.testing.assert_array_equal(many[:, place], labels_to_reach((1, 2, 4, 8, 9, 12), curves, level))
