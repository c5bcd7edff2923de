import numpy as np
import pytest

from querist.bench.penalty import Setting, checkpoints, penalty_matrix, tally
from querist.bench.statistics import PairedT
from querist.core.errors import UsageError

scipy_stats = pytest.importorskip("scipy.stats")

PATTERN = np.array([-1.0, -1.0, 0.0, 1.0, 1.0])  # standard deviation 1: t of (c + pattern) over five seeds is c·√5


def setting(curves, t=3):
    """Seeds 0 … 4 of curves given as method → (5, t) or constants; random rises from .5 to .9."""
    rows = {name: np.broadcast_to(np.asarray(value, dtype=float), (5, t)) for name, value in curves.items()}
    return Setting([10 * (i + 1) for i in range(t)], {name: {seed: list(row) for seed, row in enumerate(table)} for name, table in rows.items()})


def test_checkpoints_double_until_the_baseline_is_nearly_done():
    budgets = [100 * (i + 1) for i in range(21)]
    assert checkpoints(budgets, list(np.linspace(0.5, 0.9, 21))) == [0, 1, 2, 4, 8, 16]
    done = [0.5, 0.6, 0.7, 0.8, 0.892, *[0.9] * 16]  # .892 is above 99 % of .9
    assert checkpoints(budgets, done) == [0, 1, 2]
    just = [0.5, 0.6, 0.7, 0.8, 0.890, *[0.9] * 16]
    assert checkpoints(budgets, just) == [0, 1, 2, 4]


def test_checkpoints_always_hold_the_start_and_take_the_next_measured_budget():
    assert checkpoints([100], [0.5]) == [0]
    assert checkpoints([100, 200, 300], [0.9, 0.9, 0.9]) == [0]
    assert checkpoints([10, 20, 35, 50], [0.1, 0.2, 0.3, 0.9]) == [0, 1, 2]  # 30 stands at 35; 50 is the end, at 100 %
    assert checkpoints([10, 20, 30, 45], [0.1, 0.2, 0.3, 0.9]) == [0, 1, 2]  # 50 is past the end
    with pytest.raises(UsageError):
        checkpoints([10, 20], [0.1])
    with pytest.raises(UsageError):
        checkpoints([20, 10], [0.1, 0.2])


RANDOM = np.array([0.5, 0.7, 0.9])  # checkpoints: 10 and 20 labels


def test_the_row_beats_the_column():
    found = penalty_matrix([setting({"random": RANDOM, "good": RANDOM + 0.05, "bad": RANDOM - 0.05})], ["random", "good", "bad"])
    np.testing.assert_array_equal(found.matrix, [[0, 0, 1], [1, 0, 1], [0, 0, 0]])
    assert found.column_means == pytest.approx([1 / 3, 0, 2 / 3])  # bad is beaten most
    assert found.row_means == pytest.approx([1 / 3, 2 / 3, 0])
    assert found.checkpoints == (2,)


@pytest.mark.parametrize(("shift", "wins"), [(1.25, 1), (1.24, 0), (-1.25, -1), (-1.24, 0)])  # t = 2.795 and 2.773; the threshold is 2.776
def test_the_threshold_is_that_of_five_pairs(shift, wins):
    method = RANDOM + 0.01 * (shift + PATTERN)[:, None]
    found = penalty_matrix([setting({"random": RANDOM, "m": method})], ["m", "random"])
    assert (found.matrix[0, 1], found.matrix[1, 0]) == (max(wins, 0), max(-wins, 0))


def test_a_cell_is_a_sum_over_settings_of_shares_of_checkpoints():
    half = setting({"random": RANDOM, "m": RANDOM + np.array([0.1, 0.0, 0.1])})  # the last budget is no checkpoint
    whole = setting({"random": RANDOM, "m": RANDOM + 0.1})
    found = penalty_matrix([half, whole, whole], ["m", "random"])
    assert found.matrix[0, 1] == pytest.approx(2.5)
    np.testing.assert_array_equal(found.settings, [[0, 3], [3, 0]])


def test_pairs_are_joined_by_seed_not_by_position():
    level = np.random.default_rng(0).normal(0, 0.2, 6)
    base = {seed: list(RANDOM + level[seed]) for seed in range(6)}
    # Seed 2 crashed and the rest came in another order; by position the levels would drown the small gain.
    ours = {seed: [value + 0.01 + 0.0001 * seed for value in base[seed]] for seed in (5, 0, 4, 1, 3)}
    found = penalty_matrix([Setting([10, 20, 30], {"random": base, "m": ours})], ["m", "random"])
    assert found.matrix[0, 1] == 1


def test_a_method_that_did_not_run_is_not_compared_there():
    lone = Setting([10, 20, 30], {"random": {s: list(RANDOM) for s in range(3)}, "m": {0: [1.0, 1.0, 1.0]}})
    found = penalty_matrix([lone, setting({"random": RANDOM, "m": RANDOM + 0.1})], ["m", "random", "absent"])
    np.testing.assert_array_equal(found.settings, [[0, 1, 0], [1, 0, 0], [0, 0, 0]])  # one shared seed has no test
    assert found.matrix[0, 1] == 1
    with pytest.raises(UsageError, match="baseline"):
        penalty_matrix([setting({"m": RANDOM})], ["m"])


def test_it_agrees_with_scipy_on_noise():
    rng = np.random.default_rng(5)
    names = ["random", "a", "b"]
    curves = {name: RANDOM + rng.normal(0, 0.02, (5, 3)) for name in names}
    found = penalty_matrix([setting(curves)], names)
    for i, first in enumerate(names):
        for j, second in enumerate(names):
            tests = [scipy_stats.ttest_rel(curves[first][:, place], curves[second][:, place]) for place in range(2)] if i != j else []
            assert found.matrix[i, j] == pytest.approx(sum(test.pvalue < 0.05 and test.statistic > 0 for test in tests) / 2)


def interval(low, high, n=5):
    return PairedT(n, (low + high) / 2, 0.01, low, high)


def test_wins_ties_and_losses_by_the_interval():
    cells = [
        interval(0.01, 0.02),
        interval(-0.01, 0.02),
        interval(-0.01, 0.0),
        interval(-0.02, -0.01),
        interval(0.01, 0.02),
        interval(0.01, 0.02, n=4),
        PairedT(1, 0.3),
    ]
    found = tally(cells)
    assert (found.wins, found.ties, found.losses, found.untested) == (2, 2, 1, 2)
    assert found.rate == pytest.approx((0.4, 0.4, 0.2))
    assert tally(cells, least=2).wins == 3
    assert tally([]).rate is None
