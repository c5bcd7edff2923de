import numpy as np
import pytest

from querist.bench.equivalence import Estimate, equivalence, independent, non_inferiority, paired
from querist.bench.statistics import paired_t, verdict
from querist.core.errors import UsageError

scipy_stats = pytest.importorskip("scipy.stats")


def seeds_of(values):
    return dict(enumerate(values))


def test_two_one_sided_tests_by_hand():
    # Five pairs, mean .001, standard error .002: t = (.001 + .005) / .002 = 3 below and (.005 − .001) / .002 = 2 above; 4 degrees.
    found = equivalence(Estimate(5, 0.001, 0.002, 4), 0.005)
    assert found.p == pytest.approx(scipy_stats.t.sf(2, 4))  # the worse of both: .058
    assert not found.shown
    assert (found.low, found.high) == pytest.approx((0.001 - 2.131847 * 0.002, 0.001 + 2.131847 * 0.002), rel=1e-6)
    inferior = non_inferiority(Estimate(5, 0.001, 0.002, 4), 0.005)
    assert inferior.p == pytest.approx(scipy_stats.t.sf(3, 4))  # .020
    assert inferior.shown and inferior.high == np.inf


@pytest.mark.parametrize("difference", [-0.01, -0.004, -0.001, 0.0, 0.002, 0.004, 0.02])
def test_equivalence_is_the_interval_inside_the_margin(difference):
    found = equivalence(Estimate(8, difference, 0.0012, 7), 0.005)
    assert found.shown == (found.low > -0.005 and found.high < 0.005)
    inferior = non_inferiority(Estimate(8, difference, 0.0012, 7), 0.005)
    assert inferior.shown == (inferior.low > -0.005)
    assert inferior.shown or not found.shown  # equivalence asks for more


def test_paired_equivalence_agrees_with_the_verdict():
    rng = np.random.default_rng(2)
    for _ in range(8):
        base = seeds_of(rng.normal(0.8, 0.02, 10))
        ours = {seed: value + rng.normal(0, 0.006) for seed, value in base.items()}
        found = equivalence(paired(ours, base), 0.005)
        single = paired_t(ours, base)
        assert (found.low, found.high) == pytest.approx((single.low90, single.high90))
        assert found.shown == (verdict(single, 1.0, 0.005) == "equivalent")


def test_independent_runs_agree_with_welch():
    rng = np.random.default_rng(3)
    x, y = rng.normal(0.8, 0.01, 9), rng.normal(0.801, 0.003, 20)
    found = equivalence(independent(x, y), 0.01)
    ends = scipy_stats.ttest_ind(x, y, equal_var=False).confidence_interval(0.90)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    above = scipy_stats.ttest_ind(x + 0.01, y, equal_var=False, alternative="greater").pvalue
    below = scipy_stats.ttest_ind(x - 0.01, y, equal_var=False, alternative="less").pvalue
    assert found.p == pytest.approx(max(above, below))
    assert non_inferiority(independent(x, y), 0.01).p == pytest.approx(above)
    assert found.n == 9


def test_few_seeds_show_nothing_and_equal_differences_are_certain():
    assert not equivalence(Estimate(4, 0.0, 1e-6, 3), 0.005).shown
    same = seeds_of([0.5, 0.75, 0.25, 0.5, 0.25])
    found = equivalence(paired(same, same), 0.005)
    assert (found.p, found.shown, found.low, found.high) == (0.0, True, 0.0, 0.0)
    assert equivalence(Estimate(5, 0.25, 0.0, 4), 0.005).p == 1.0


def test_a_margin_and_two_pairs_are_needed():
    for margin in (0.0, -0.1):
        with pytest.raises(UsageError, match="margin"):
            equivalence(Estimate(5, 0, 1, 4), margin)
        with pytest.raises(UsageError, match="margin"):
            non_inferiority(Estimate(5, 0, 1, 4), margin)
    with pytest.raises(UsageError, match="one pair"):
        paired({0: 0.5}, {0: 0.5})


def test_a_difference_as_large_as_the_margin_is_called_equivalent_in_one_of_twenty():
    rng, shown, trials = np.random.default_rng(4), 0, 1500
    for d in rng.normal(0.005, 0.002, (trials, 8)):
        shown += equivalence(Estimate(8, d.mean(), d.std(ddof=1) / 8**0.5, 7), 0.005).shown
    assert abs(shown / trials - 0.05) < 4 * (0.05 * 0.95 / trials) ** 0.5
