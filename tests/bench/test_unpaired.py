import inspect

import numpy as np
import pytest

from querist.bench.unpaired import games_howell, kruskal_wallis, welch_error
from querist.core.errors import UsageError

scipy_stats = pytest.importorskip("scipy.stats")


def test_kruskal_wallis_by_hand():
    # Rank sums 6 and 15: 12 / (6·7) · (36/3 + 225/3) − 3·7 = 3.857.
    found = kruskal_wallis({"a": [1, 2, 3], "b": [4, 5, 6]})
    assert found.h == pytest.approx(12 / 42 * 87 - 21)
    assert found.p == pytest.approx(scipy_stats.chi2.sf(found.h, 1))
    assert found.groups == 2


def test_kruskal_wallis_with_ties_agrees_with_scipy_and_equal_groups_differ_in_nothing():
    groups = {"a": [1, 2, 2, 3], "b": [2, 3, 3], "c": [5, 1, 2, 2, 6]}
    assert kruskal_wallis(groups).p == pytest.approx(scipy_stats.kruskal(*groups.values()).pvalue)
    assert kruskal_wallis({"a": [0.5, 0.5], "b": [0.5]}).p == 1.0
    for bad in ({"a": [1.0]}, {"a": [1.0], "b": []}):
        with pytest.raises(UsageError, match="two or more groups"):
            kruskal_wallis(bad)


def test_welch_by_hand():
    # Variances 2 and 20/3 over 2 and 4: 1 + 5/3; df = (8/3)² / (1/1 + (5/3)²/3).
    error, df = welch_error([1, 3], [2, 4, 6, 8])
    assert error == pytest.approx((8 / 3) ** 0.5)
    assert df == pytest.approx((64 / 9) / (1 + 25 / 27))
    assert welch_error([1, 3], [12, 14]) == pytest.approx((2**0.5, 2.0))  # equal variances and sizes: the degrees of the pooled test
    assert welch_error([1, 1], [2, 2, 2]) == (0.0, 3.0)
    with pytest.raises(UsageError, match="one value"):
        welch_error([1], [2, 3])


def groups_of(seed):
    rng = np.random.default_rng(seed)
    return {"a": list(rng.normal(0.0, 1, 8)), "b": list(rng.normal(1.5, 3, 12)), "c": list(rng.normal(3.0, 0.5, 6))}


def test_two_groups_are_welchs_t_test():
    groups = {name: values for name, values in groups_of(1).items() if name != "b"}
    (row,) = games_howell(groups)
    reference = scipy_stats.ttest_ind(groups["a"], groups["c"], equal_var=False)
    ends = reference.confidence_interval(0.95)
    assert row.p == pytest.approx(reference.pvalue, rel=1e-4)
    assert (row.low, row.high, row.df) == pytest.approx((ends.low, ends.high, reference.df), rel=1e-5)


def test_three_groups_agree_with_scipy():
    groups = groups_of(2)
    names, rows = list(groups), games_howell(groups)
    assert [(row.first, row.second) for row in rows] == [("a", "b"), ("a", "c"), ("b", "c")]
    for row in rows:
        error, df = welch_error(groups[row.first], groups[row.second])
        half = row.high - row.difference
        assert row.difference == pytest.approx(np.mean(groups[row.first]) - np.mean(groups[row.second]))
        assert row.difference - row.low == pytest.approx(half)
        assert scipy_stats.studentized_range.sf(half * 2**0.5 / error, 3, df) == pytest.approx(0.05, abs=1e-6)
        assert half > scipy_stats.t.ppf(0.975, df) * error  # wider than one comparison alone
    if "equal_var" in inspect.signature(scipy_stats.tukey_hsd).parameters:
        reference = scipy_stats.tukey_hsd(*groups.values(), equal_var=False)
        for row in rows:
            i, j = names.index(row.first), names.index(row.second)
            assert (row.difference, row.p) == pytest.approx((reference.statistic[i, j], reference.pvalue[i, j]), abs=1e-6)


def test_constants_are_certain_and_single_values_refused():
    rows = {(row.first, row.second): row.p for row in games_howell({"a": [1.0, 1.0], "b": [1.0, 1.0], "c": [2.0, 2.0]})}
    assert rows == {("a", "b"): 1.0, ("a", "c"): 0.0, ("b", "c"): 0.0}
    for bad in ({"a": [1.0, 2.0]}, {"a": [1.0, 2.0], "b": [1.0]}):
        with pytest.raises(UsageError, match="Games–Howell"):
            games_howell(bad)
