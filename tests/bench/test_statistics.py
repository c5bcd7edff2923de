import numpy as np
import pytest

from querist.bench.statistics import PairedT, bootstrap_t, detectable_difference, holm, paired_t, seeds_needed, shared_seeds, verdict
from querist.core.errors import UsageError

scipy_stats = pytest.importorskip("scipy.stats")


def seeds_of(values):
    return dict(enumerate(values))


def test_paired_t_agrees_with_scipy():
    rng = np.random.default_rng(3)
    ours, theirs = rng.normal(0.9, 0.01, 7), rng.normal(0.89, 0.01, 7)
    found = paired_t(seeds_of(ours), seeds_of(theirs))
    reference = scipy_stats.ttest_rel(ours, theirs)
    assert found.p == pytest.approx(reference.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(reference.confidence_interval(0.95)))
    assert (found.low90, found.high90) == pytest.approx(tuple(reference.confidence_interval(0.90)))


def test_paired_t_by_hand():
    found = paired_t(seeds_of([0.3, 0.5, 0.4]), seeds_of([0.2, 0.3, 0.1]))  # differences .1, .2, .3
    assert found.difference == pytest.approx(0.2)
    assert found.sd == pytest.approx(0.1)
    assert found.high - found.difference == pytest.approx(4.302653 * 0.1 / 3**0.5, rel=1e-6)


def test_a_better_method_has_a_positive_difference():
    assert paired_t({0: 0.9, 1: 0.92}, {0: 0.8, 1: 0.81}).difference > 0
    assert paired_t({0: 0.7, 1: 0.72}, {0: 0.8, 1: 0.81}).difference < 0


def test_pairs_are_joined_by_seed_and_extra_seeds_are_left_out():
    baseline = {seed: float(seed) for seed in range(10)}
    method = {4: 4.5, 0: 0.5, 2: 2.5}  # seed 1 and 3 crashed, and the order is odd
    assert shared_seeds(method, baseline) == [0, 2, 4]
    found = paired_t(method, baseline)
    assert (found.n, found.difference, found.sd) == (3, 0.5, 0.0)


def test_no_shared_seed_is_an_error_and_one_has_no_interval():
    with pytest.raises(UsageError, match="no shared seeds"):
        paired_t({0: 0.1}, {1: 0.2})
    assert paired_t({0: 0.3}, {0: 0.2}) == PairedT(1, pytest.approx(0.1))


def test_equal_differences_are_certain_and_equal_values_show_nothing():
    assert paired_t(dict.fromkeys(range(5), 0.5), dict.fromkeys(range(5), 0.25)).p == 0.0
    assert paired_t(dict.fromkeys(range(5), 0.5), dict.fromkeys(range(5), 0.5)).p == 1.0


def test_holm_by_hand():
    # Sorted .01 .02 .03 .04 times 4 3 2 1 = .04 .06 .06 .04, made monotone: .04 .06 .06 .06
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([None, 0.02, None, 0.03]) == [None, pytest.approx(0.04), None, pytest.approx(0.04)]
    assert holm([]) == []


def paired(difference, half, n=5, half90=None):
    half90 = half * 0.77 if half90 is None else half90
    return PairedT(n, difference, 0.01, difference - half, difference + half, difference - half90, difference + half90, 0.01)


@pytest.mark.parametrize(
    ("found", "adjusted", "word"),
    [
        (paired(0.02, 0.01), 0.01, "better"),
        (paired(-0.02, 0.01), 0.01, "worse"),
        (paired(0.02, 0.01), 0.05, "no difference shown"),  # the adjusted p must be below .05
        (paired(0.02, 0.03), 0.01, "no difference shown"),  # and the interval must exclude 0
        (paired(0.02, 0.01, n=4), 0.001, "no verdict"),
        (PairedT(1, 0.5), None, "no verdict"),
        (paired(0.001, 0.004), 0.5, "equivalent"),
        (paired(0.001, 0.006, half90=0.0045), 0.5, "no difference shown"),  # .0055 is outside ± .005
        (paired(-0.001, 0.005, half90=0.004), 0.5, "equivalent"),
        (paired(0.002, 0.001), 0.01, "better"),  # small but shown: the text adds how small
        (paired(0.01, 0.02), 0.3, "no difference shown"),
    ],
)
def test_verdict_rule(found, adjusted, word):
    assert verdict(found, adjusted) == word


def test_margin_of_equivalence_is_a_parameter():
    assert verdict(paired(0.001, 0.006), 0.5, margin=0.02) == "equivalent"


@pytest.mark.parametrize(("n", "units"), [(3, 3.26), (5, 1.68), (6, 1.43), (8, 1.16), (10, 1.00), (15, 0.78), (20, 0.66), (50, 0.40)])
def test_detectable_difference_agrees_with_the_power_table(n, units):
    assert detectable_difference(1.0, n) == pytest.approx(units, abs=0.006)


def test_detectable_difference_scales_and_needs_two_pairs():
    assert detectable_difference(0.02, 5) == pytest.approx(0.02 * detectable_difference(1.0, 5))
    assert detectable_difference(0.02, 1) is None


@pytest.mark.parametrize(
    ("sd", "correlation", "seeds"),
    [(0.3, 0.5, 3), (0.5, 0.5, 5), (1, 0.5, 10), (1.6, 0.5, 23), (2, 0.5, 34), (3, 0.5, 73), (4.5, 0.5, 161), (0.5, 0.8, 4), (1, 0.8, 6), (4.5, 0.8, 66)],
)
def test_seeds_needed_for_a_point_agree_with_the_planning_table(sd, correlation, seeds):
    assert seeds_needed(sd * (2 * (1 - correlation)) ** 0.5, 1.0) == seeds


@pytest.mark.parametrize("size", [0.2, 0.5, 1.0, 2.0, 4.0])
def test_seeds_needed_are_the_fewest_that_detect_the_difference(size):
    n = seeds_needed(1.0, size)
    assert detectable_difference(1.0, n) <= size
    assert n == 2 or detectable_difference(1.0, n - 1) > size


def test_seeds_needed_grow_with_the_comparisons_and_refuse_nonsense():
    assert seeds_needed(1.0, 0.5, alpha=0.05 / 9) > seeds_needed(1.0, 0.5)
    assert seeds_needed(1.0, 0.5, power=0.95) > seeds_needed(1.0, 0.5)
    assert seeds_needed(0.0, 0.1) == 2
    assert seeds_needed(1.0, 0.002) == pytest.approx((2.8016 / 0.002) ** 2, rel=1e-3)
    for sd, difference in ((1.0, 0.0), (1.0, -0.1), (-1.0, 0.1), (float("nan"), 0.1)):
        with pytest.raises(UsageError):
            seeds_needed(sd, difference)


def test_bootstrap_t_of_a_mean_agrees_with_the_t_interval():
    values = np.random.default_rng(5).normal(0.0, 1.0, 30)
    low, high = bootstrap_t(lambda w: w @ values, 30, np.random.default_rng(0), draws=4000)
    t_low, t_high = scipy_stats.t.interval(0.95, 29, values.mean(), values.std(ddof=1) / 30**0.5)
    assert (low, high) == pytest.approx((t_low, t_high), abs=0.12)


def test_bootstrap_t_is_deterministic_under_its_generator_and_needs_five_seeds():
    values = np.array([0.1, 0.4, 0.2, 0.9, 0.3])
    twice = [bootstrap_t(lambda w: w @ values, 5, np.random.default_rng(1)) for _ in range(2)]
    assert twice[0] == twice[1]
    assert bootstrap_t(lambda w: w @ values[:4], 4, np.random.default_rng(1)) is None


def test_bootstrap_t_of_a_constant_is_a_point():
    low, high = bootstrap_t(lambda w: w.sum(axis=1), 6, np.random.default_rng(0))
    assert low == high == pytest.approx(1.0)


def test_t_interval_covers_the_truth_in_a_null_simulation():
    rng = np.random.default_rng(11)
    trials, hits, false_claims = 600, 0, 0
    for _ in range(trials):
        shared = rng.normal(0, 0.02, 5)
        found = paired_t(seeds_of(shared + rng.normal(0, 0.01, 5)), seeds_of(shared + rng.normal(0, 0.01, 5)))
        hits += found.low <= 0 <= found.high
        false_claims += verdict(found, found.p) in ("better", "worse")
    # Four binomial standard errors around 95 %.
    assert abs(hits / trials - 0.95) < 4 * (0.95 * 0.05 / trials) ** 0.5
    assert false_claims == trials - hits
