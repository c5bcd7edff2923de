import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from querist.bench.measures import Target, accuracy_at, aubc, isotonic, label_saving, labels_to_reach, log_saving
from querist.core.errors import UsageError

sklearn_isotonic = pytest.importorskip("sklearn.isotonic")


def test_area_uses_true_budgets_not_round_numbers():
    # Trapezoids by hand: 10·(.2+.4)/2 + 80·(.4+.6)/2 = 3 + 40, over a span of 90.
    assert aubc([10, 20, 100], [0.2, 0.4, 0.6]) == pytest.approx(43 / 90)
    assert aubc([10, 20, 100], [0.2, 0.4, 0.6]) != pytest.approx(aubc([10, 55, 100], [0.2, 0.4, 0.6]))


def test_area_of_a_line_is_its_middle_whatever_the_spacing():
    budgets = [3, 4, 9, 50, 51, 200]
    line = [0.1 + 0.004 * b for b in budgets]
    assert aubc(budgets, line) == pytest.approx((line[0] + line[-1]) / 2)


def test_area_of_many_curves_and_of_one_budget():
    assert aubc([1, 2], [[0.0, 1.0], [0.5, 0.5]]).tolist() == [0.5, 0.5]
    assert aubc([20], [0.7]) == 0.7


@pytest.mark.parametrize(("budgets", "curve"), [([1, 2], [0.1]), ([], []), ([2, 2], [0.1, 0.2]), ([3, 1], [0.1, 0.2])])
def test_curves_that_do_not_fit_their_budgets_are_refused(budgets, curve):
    with pytest.raises(UsageError):
        aubc(budgets, curve)


def test_accuracy_at_a_budget_interpolates_inside_and_refuses_outside():
    budgets, curve = [20, 40, 100], [0.5, 0.7, 0.76]
    assert accuracy_at(budgets, curve, 20) == pytest.approx(0.5)
    assert accuracy_at(budgets, curve, 70) == pytest.approx(0.73)
    assert accuracy_at(budgets, curve, 100) == pytest.approx(0.76)
    for outside in (19.9, 101):
        with pytest.raises(UsageError, match="outside the measured budgets"):
            accuracy_at(budgets, curve, outside)


@given(arrays(float, st.integers(1, 12), elements=st.floats(0, 1, width=32)))
def test_isotonic_agrees_with_scikit_learn(curve):
    np.testing.assert_allclose(isotonic(curve), sklearn_isotonic.isotonic_regression(curve), atol=1e-9)


def test_isotonic_of_many_curves_is_row_by_row():
    rng = np.random.default_rng(0)
    curves = rng.random((3, 5, 7))
    together = isotonic(curves)
    for i in range(3):
        for j in range(5):
            np.testing.assert_allclose(together[i, j], isotonic(curves[i, j]))


def test_labels_to_reach_by_hand():
    budgets, curve = [100, 200, 300], [0.5, 0.7, 0.9]
    assert labels_to_reach(budgets, curve, 0.6) == pytest.approx(150)
    assert labels_to_reach(budgets, curve, 0.7) == pytest.approx(200)
    assert labels_to_reach(budgets, curve, 0.4) == 100  # there from the start: at most the first budget
    assert np.isnan(labels_to_reach(budgets, curve, 0.91))


def test_a_lucky_peak_does_not_count_as_reached():
    # .9 is pooled with the dip after it: (.9 + .5) / 2 = .7 holds from 200 on; .8 is reached halfway from there to .9 at 400.
    budgets, curve = [100, 200, 300, 400], [0.4, 0.9, 0.5, 0.9]
    assert labels_to_reach(budgets, curve, 0.8) == pytest.approx(350)
    assert labels_to_reach(budgets, curve, 0.55) == pytest.approx(150)


@given(arrays(float, st.tuples(st.integers(1, 6), st.integers(2, 9)), elements=st.floats(0, 1)))
def test_a_mean_curve_reaches_its_own_last_point(curves):
    budgets = list(range(10, 10 * curves.shape[1] + 1, 10))
    mean = curves.mean(axis=0)
    assert labels_to_reach(budgets, mean, mean[-1]) <= budgets[-1]


def test_saving_is_labels_of_the_baseline_over_labels_of_the_method():
    budgets = [100, 200, 300, 400]
    baseline = np.array([[0.5, 0.6, 0.7, 0.8]])
    method = np.array([[0.5, 0.8, 0.85, 0.9]])
    saving = label_saving(budgets, method, baseline, Target(1.0))
    assert saving.at == pytest.approx(0.8)
    assert saving.ratio == pytest.approx(2.0)
    assert saving.censored is None
    half = label_saving(budgets, method, baseline, Target(0.5))
    assert half.at == pytest.approx(0.6)
    assert half.ratio == pytest.approx(200 / (100 + 100 / 3))


def test_a_method_that_never_gets_there_is_censored_with_its_bound():
    budgets = [100, 200, 400]
    saving = label_saving(budgets, [[0.5, 0.6, 0.7]], [[0.5, 0.7, 0.8]], Target(0.75))
    assert (saving.ratio, saving.censored) == (None, "method")
    # The baseline is at .75 with 300 labels; the method needs more than 400: the ratio is below .75.
    assert saving.floor == pytest.approx(0.75)


def test_a_baseline_that_never_gets_there_is_censored_with_its_bound():
    saving = label_saving([100, 200, 400], [[0.5, 0.9, 0.95]], [[0.5, 0.6, 0.7]], Target(accuracy=0.9))
    assert (saving.ratio, saving.censored) == (None, "baseline")
    assert saving.ceiling == pytest.approx(2.0)


def test_where_neither_gets_there_nothing_is_claimed():
    saving = label_saving([100, 200], [[0.5, 0.6]], [[0.5, 0.6]], Target(accuracy=0.99))
    assert (saving.ratio, saving.censored) == (None, "method")


def test_saving_uses_mean_curves_not_the_mean_of_single_ratios():
    budgets = [100, 200, 300]
    method = np.array([[0.4, 0.8, 0.8], [0.6, 0.6, 0.8]])
    baseline = np.array([[0.4, 0.5, 0.6], [0.6, 0.7, 0.8]])
    assert label_saving(budgets, method, baseline, Target(1.0)).ratio == pytest.approx(300 / 200)


def test_log_saving_agrees_with_the_ratio_and_clamps_what_is_censored():
    budgets, rng = [50, 100, 150, 200], np.random.default_rng(1)
    method, baseline = np.sort(rng.random((4, 4)), axis=1), np.sort(rng.random((4, 4)), axis=1) * 0.5
    saving = label_saving(budgets, method, baseline, Target(1.0))
    assert saving.ratio is not None
    equal = np.full((1, 4), 0.25)
    assert log_saving(budgets, method, baseline, Target(1.0), equal)[0] == pytest.approx(np.log(saving.ratio))
    single = np.eye(4)
    for seed, value in enumerate(log_saving(budgets, baseline, method, Target(1.0), single)):
        one = label_saving(budgets, baseline[[seed]], method[[seed]], Target(1.0))
        assert value == pytest.approx(np.log(one.floor if one.ratio is None else one.ratio))
