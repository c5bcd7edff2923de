from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.bench.ranks import blocks_needed, cliques, friedman, mean_ranks, nemenyi_cd, ranking_by_nemenyi, ranking_by_wilcoxon, wilcoxon_holm, wilcoxon_p
from querist.bench.statistics import holm
from querist.core.errors import UsageError

scipy_stats = pytest.importorskip("scipy.stats")

# The ranks of the worked example of Demšar 2006: four learners on fourteen data sets, 1 is best.
DEMSAR = -np.array(
    [
        [4, 3, 2, 1], [1, 2, 3, 4], [4, 1, 2, 3], [4, 1, 3, 2], [4, 2, 3, 1], [1, 2.5, 4, 2.5], [3, 2, 4, 1],
        [2.5, 2.5, 4, 1], [4, 3, 2, 1], [2.5, 2.5, 2.5, 2.5], [4, 2.5, 1, 2.5], [3, 2, 4, 1], [4, 1, 2, 3], [3, 1, 4, 2],
    ]
)  # fmt: skip


def test_the_highest_score_has_rank_one_and_equal_scores_share():
    assert mean_ranks([[0.9, 0.7, 0.8], [0.5, 0.5, 0.6]]) == pytest.approx([1.75, 2.75, 1.5])


def test_the_worked_example_of_demsar():
    found = friedman(DEMSAR)
    assert found.ranks == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=0.0005)
    n, k = DEMSAR.shape
    untied = 12 * n / (k * (k + 1)) * (sum(rank**2 for rank in found.ranks) - k * (k + 1) ** 2 / 4)
    assert untied == pytest.approx(9.28, abs=0.005)  # printed there, without the correction for ties
    assert (n - 1) * untied / (n * (k - 1) - untied) == pytest.approx(3.69, abs=0.005)
    reference = scipy_stats.friedmanchisquare(*DEMSAR.T)
    assert (found.chi2, found.p_chi2) == pytest.approx((reference.statistic, reference.pvalue))
    assert found.chi2 > untied
    assert nemenyi_cd(k, n) == pytest.approx(1.25, abs=0.005)


def test_iman_davenport_without_ties_is_the_formula():
    scores = np.random.default_rng(2).random((9, 5))
    found = friedman(scores)
    chi2 = 12 * 9 / 30 * (sum(rank**2 for rank in found.ranks) - 5 * 36 / 4)
    f = 8 * chi2 / (9 * 4 - chi2)
    assert (found.chi2, found.f, found.p) == pytest.approx((chi2, f, scipy_stats.f.sf(f, 4, 32)))


def test_iman_davenport_is_the_analysis_of_variance_of_the_ranks_with_ties_too():
    ranks = scipy_stats.rankdata(-DEMSAR, axis=1)
    n, k = ranks.shape
    between = n * ((ranks.mean(axis=0) - ranks.mean()) ** 2).sum()
    total = ((ranks - ranks.mean(axis=1, keepdims=True)) ** 2).sum()
    f = (between / (k - 1)) / ((total - between) / ((k - 1) * (n - 1)))
    assert friedman(DEMSAR).f == pytest.approx(f)


def test_agreement_of_all_blocks_and_of_nothing():
    agreed = friedman([[3, 2, 1]] * 4)
    assert (agreed.f, agreed.p) == (np.inf, 0.0)
    same = friedman([[1.0, 1.0, 1.0]] * 4)
    assert (same.chi2, same.f, same.p) == (0.0, 0.0, 1.0)
    for small in ([[1, 2, 3]], [[1, 2], [2, 1]], [[1.0, np.nan, 2.0]] * 3):
        with pytest.raises(UsageError):
            friedman(small)


@pytest.mark.parametrize(
    ("k", "q"),
    [
        (2, 1.960), (3, 2.344), (4, 2.569), (5, 2.728), (6, 2.850), (7, 2.948), (8, 3.031), (9, 3.102), (10, 3.164), (11, 3.219), (12, 3.268),
        (15, 3.391), (20, 3.544),
    ],
)  # fmt: skip
def test_quantiles_of_the_studentized_range_agree_with_the_table(k, q):
    assert nemenyi_cd(k, 1) / np.sqrt(k * (k + 1) / 6) == pytest.approx(q, abs=0.001)


@pytest.mark.parametrize(("k", "n", "cd"), [(8, 9, 3.50), (10, 10, 4.28), (10, 30, 2.47), (20, 10, 9.38)])
def test_critical_differences_by_hand(k, n, cd):
    assert nemenyi_cd(k, n) == pytest.approx(cd, abs=0.006)


def test_a_critical_difference_needs_methods_and_blocks():
    for k, n in ((1, 5), (3, 0)):
        with pytest.raises(UsageError):
            nemenyi_cd(k, n)


@pytest.mark.parametrize(("n", "smallest"), [(3, 0.25), (4, 0.125), (5, 0.0625), (6, 0.03125), (7, 0.015625), (8, 0.0078125), (10, 0.001953125)])
def test_smallest_p_of_the_signed_rank_test(n, smallest):
    assert wilcoxon_p(np.arange(1, n + 1)) == smallest


def test_signed_ranks_agree_with_scipy_where_it_is_exact():
    rng = np.random.default_rng(1)
    for n in (5, 9, 14, 25):
        d = rng.normal(0.3, 1, n)
        assert wilcoxon_p(d) == pytest.approx(scipy_stats.wilcoxon(d, method="exact").pvalue)


def every_flip(d):
    """The two-sided p value by all flips of sign of Pratt's ranks."""
    ranks = scipy_stats.rankdata(np.abs(d))[d != 0]
    seen = ranks @ (d[d != 0] > 0)
    sums = np.array([ranks @ np.array(flips) for flips in product((0, 1), repeat=len(ranks))])
    return min(1.0, 2 * min((sums <= seen + 1e-9).mean(), (sums >= seen - 1e-9).mean()))


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_signed_ranks_with_ties_and_zeros_agree_with_every_flip(values):
    d = np.array(values, dtype=float)
    assert wilcoxon_p(d) == pytest.approx(every_flip(d))


def test_zeros_are_ranked_before_they_are_left_out():
    d = np.array([0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, -6.0])
    assert wilcoxon_p(d) == pytest.approx(every_flip(d))
    assert wilcoxon_p(d) != pytest.approx(wilcoxon_p(d[2:]))  # Wilcoxon's own rule leaves them out first
    assert wilcoxon_p(np.zeros(5)) == 1.0


def test_blocks_that_holm_needs():
    assert blocks_needed(1) == 6
    assert blocks_needed(9) == 9  # .05 / 9 = .0056: 2 / 2^9 = .0039 is below, 2 / 2^8 = .0078 is not
    assert blocks_needed(45) == 11
    for m in (1, 3, 9, 28, 45):
        n = blocks_needed(m)
        assert 2 / 2**n * m < 0.05 <= 2 / 2 ** (n - 1) * m


def test_too_few_blocks_are_refused_with_the_number_needed():
    scores = np.random.default_rng(0).random((8, 10))
    with pytest.raises(UsageError, match=r"9 comparisons.*got 8; wanted at least 9"):
        wilcoxon_holm(scores, against=0)
    with pytest.raises(UsageError, match=r"45 comparisons.*got 8; wanted at least 11"):
        wilcoxon_holm(scores)
    assert len(wilcoxon_holm(np.random.default_rng(0).random((9, 10)), against=0)) == 9


def test_wilcoxon_p_values_are_adjusted_over_all_pairs():
    scores = np.random.default_rng(3).random((12, 4)) + np.array([0.0, 0.1, 0.2, 1.5])
    found = wilcoxon_holm(scores)
    assert [(test.first, test.second) for test in found] == list(combinations(range(4), 2))
    single = [scipy_stats.wilcoxon(scores[:, i], scores[:, j]).pvalue for i, j in combinations(range(4), 2)]
    assert [test.p_unadjusted for test in found] == pytest.approx(single)
    assert [test.p for test in found] == pytest.approx(holm(single))


def test_cliques_are_the_largest_groups_that_nothing_separates():
    assert cliques(4, [(0, 3)]) == [(0, 1, 2), (1, 2, 3)]
    assert cliques(4, [(0, 2), (0, 3), (1, 3)]) == [(0, 1), (1, 2), (2, 3)]
    assert cliques(3, []) == [(0, 1, 2)]
    assert cliques(3, [(0, 1), (0, 2), (1, 2)]) == []  # all apart: no bars
    assert cliques(4, [(0, 1), (0, 2), (0, 3)]) == [(1, 2, 3)]  # a winner stands alone
    assert cliques(3, [(0, 1), (1, 2)]) == [(0, 2)]  # not consecutive


@given(st.integers(1, 7).flatmap(lambda k: st.tuples(st.just(k), st.sets(st.sampled_from(sorted(combinations(range(k), 2)) or [(0, 0)])))))
def test_cliques_agree_with_a_search_through_all_groups(case):
    k, apart = case
    groups = [set(g) for size in range(2, k + 1) for g in combinations(range(k), size) if not any(p in apart for p in combinations(g, 2))]
    largest = sorted(tuple(sorted(g)) for g in groups if not any(g < h for h in groups))
    assert cliques(k, sorted(apart)) == largest


def test_a_ranking_by_nemenyi_groups_what_lies_within_the_critical_difference():
    found = ranking_by_nemenyi(DEMSAR, ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"])
    assert found.methods == ("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5")
    assert found.cd == pytest.approx(1.25, abs=0.005)
    assert found.cliques == (found.methods,)  # 3.143 − 1.964 = 1.18 is below
    assert (found.n, found.test) == (14, "Nemenyi")
    assert found.omnibus.p == pytest.approx(friedman(DEMSAR).p)
    apart = ranking_by_nemenyi(np.arange(3) + np.zeros((20, 1)), ["c", "b", "a"])  # cd = .74, ranks 1, 2, 3
    assert (apart.methods, apart.cliques) == (("a", "b", "c"), ())


def test_a_ranking_by_wilcoxon_separates_what_its_tests_separate():
    rng = np.random.default_rng(6)
    scores = rng.normal(0, 0.1, (12, 3)) + np.array([0.0, 2.0, 0.0])
    found = ranking_by_wilcoxon(scores, ["x", "best", "y"])
    assert found.methods[0] == "best" and found.cd is None
    assert [set(group) for group in found.cliques] == [{"x", "y"}]
    with pytest.raises(UsageError, match="wanted at least 7"):
        ranking_by_wilcoxon(scores[:6], ["x", "best", "y"])
    with pytest.raises(UsageError, match="column"):
        ranking_by_wilcoxon(scores, ["x", "y"])


def test_two_methods_have_ranks_and_a_test_but_no_omnibus():
    found = ranking_by_wilcoxon(np.arange(14.0).reshape(7, 2), ["low", "high"])
    assert (found.methods, found.ranks, found.cliques, found.omnibus) == (("high", "low"), (1.0, 2.0), (), None)
