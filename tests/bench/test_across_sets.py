import numpy as np
import pytest

from querist.bench.hierarchy import LEAST_SETS, Pair, across_sets, paired_differences, savings_across
from querist.bench.measures import Target, label_saving
from querist.core.errors import UsageError


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def test_every_data_set_weighs_the_same():
    found = across_sets({"a": [0.1] * 20, "b": [0.3], "c": [0.2, 0.4], "d": [-0.1, -0.3]}, rng(), draws=200)
    assert found.difference == pytest.approx((0.1 + 0.3 + 0.3 - 0.2) / 4)
    assert (found.sets, found.runs, found.better) == (4, 25, 3)


def test_pairs_are_joined_by_seed():
    assert paired_differences({3: 0.9, 1: 0.8}, {1: 0.5, 2: 0.0, 3: 0.7}) == pytest.approx([0.3, 0.2])


def test_percentile_ends_agree_with_a_walk_through_the_levels():
    data = {name: list(rng(seed).normal(0.01 * seed, 0.02, 5 + seed)) for seed, name in enumerate("abcd")}
    found = across_sets(data, rng(1), draws=20_000, form="percentile")
    walk, dice = [], rng(2)
    groups = list(data.values())
    for _ in range(4000):
        sets = [groups[i] for i in dice.integers(0, 4, 4)]
        walk.append(np.mean([np.mean([group[i] for i in dice.integers(0, len(group), len(group))]) for group in sets]))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(walk, [0.025, 0.975])), abs=0.0015)


def test_without_spread_within_the_sets_only_the_sets_vary():
    # Four sets at 0, 1, 2, 3: means of four draws with replacement; P(mean ≤ .25) = 5 / 256 < .025 ≤ P(mean ≤ .5) = 15 / 256.
    found = across_sets({str(i): [float(i)] * 3 for i in range(4)}, rng(), draws=40_000, form="percentile")
    assert (found.low, found.high) == (0.5, 2.5)


def test_the_studentised_interval_is_longer_with_few_sets_and_alike_with_many():
    few, many = ({str(i): list(rng(i).normal(rng(100 + i).normal(), 0.5, 10)) for i in range(count)} for count in (5, 60))
    width = {}
    for size, data in (("few", few), ("many", many)):
        for form in ("studentised", "percentile"):
            found = across_sets(data, rng(), draws=4000, form=form)
            width[size, form] = found.high - found.low
    assert width["few", "studentised"] > 1.2 * width["few", "percentile"]
    assert width["many", "studentised"] == pytest.approx(width["many", "percentile"], rel=0.1)


@pytest.mark.parametrize("form", ["studentised", "percentile"])
def test_the_interval_moves_with_the_differences(form):
    data = {str(i): rng(i).normal(0.2 * i, 0.5, 8) for i in range(6)}
    here = across_sets(data, rng(5), draws=500, form=form)
    there = across_sets({name: values + 3.0 for name, values in data.items()}, rng(5), draws=500, form=form)
    assert (there.difference, there.low, there.high) == pytest.approx((here.difference + 3, here.low + 3, here.high + 3))
    mirrored = across_sets({name: -values for name, values in data.items()}, rng(5), draws=500, form=form)
    assert (mirrored.low, mirrored.high) == pytest.approx((-here.high, -here.low))


def test_it_is_deterministic_under_its_generator():
    data = {name: [0.1, 0.2, 0.4, 0.3] for name in "abcde"}
    assert across_sets(data, rng(3), draws=300) == across_sets(data, rng(3), draws=300)


def test_few_sets_have_no_interval_and_equal_ones_a_point():
    found = across_sets({name: [0.1, 0.2] for name in "abc"}, rng())
    assert LEAST_SETS == 4 and (found.low, found.high) == (None, None)
    point = across_sets({name: [0.5, 0.5] for name in "abcd"}, rng(), draws=100)
    assert (point.low, point.high) == (0.5, 0.5)
    for bad in ({}, {"a": []}, {"a": [np.nan]}):
        with pytest.raises(UsageError):
            across_sets(bad, rng())


def coverage(sets, between, within, form, trials, draws=400):
    dice, hits = rng(7), 0
    for _ in range(trials):
        data = {str(i): dice.normal(dice.normal(0, between), within, 10) for i in range(sets)}
        found = across_sets(data, dice, draws=draws, form=form)
        hits += found.low <= 0 <= found.high
    return hits / trials


def test_the_studentised_interval_covers_and_the_percentile_one_falls_short():
    assert coverage(5, 1.0, 1.0, "studentised", 250) > 0.91  # 95 % less three binomial errors
    assert coverage(5, 1.0, 1.0, "percentile", 250) < 0.93


@pytest.mark.slow
@pytest.mark.parametrize(("between", "within"), [(1.0, 0.3), (1.0, 1.0), (0.3, 1.0)])
@pytest.mark.parametrize("sets", [4, 5, 8, 12, 20])
def test_the_studentised_interval_covers_between_93_and_97_percent(sets, between, within):
    assert 0.93 <= coverage(sets, between, within, "studentised", 2000, draws=1000) <= 0.97


def pair(ours, theirs, budgets=(10, 20, 40)):
    return Pair(budgets, np.array(ours, dtype=float), np.array(theirs, dtype=float))


LINES = {"twice": pair([[0.1, 0.3, 0.5]] * 3, [[0.1, 0.2, 0.3]] * 3), "same": pair([[0.2, 0.3, 0.4]] * 3, [[0.2, 0.3, 0.4]] * 3)}


def test_savings_are_averaged_by_their_logarithm():
    found = savings_across(LINES, Target(), rng())
    single = label_saving((10, 20, 40), LINES["twice"].method, LINES["twice"].baseline, Target()).ratio
    assert single == pytest.approx(2.0) and found.difference == pytest.approx(np.log(2) / 2)
    assert (found.sets, found.runs, found.better, found.low) == (2, 6, 1, None)
    never = savings_across({"x": pair([[0.1, 0.1, 0.1]], [[0.1, 0.2, 0.3]])}, Target(fraction=0.5), rng())
    assert never.difference == pytest.approx(np.log(20 / 40)), "what is not reached counts as the whole budget"


def test_the_interval_of_savings_resamples_sets_and_seeds():
    data = {}
    for place in range(6):
        base = np.array([0.5, 0.6, 0.7]) + rng(place).normal(0, 0.004, (10, 3))
        data[str(place)] = pair(base + 0.01 * (place + 1) + rng(50 + place).normal(0, 0.004, (10, 3)), base)
    found = savings_across(data, Target(), rng(1), draws=1000)
    again = savings_across(data, Target(), rng(1), draws=1000)
    assert found == again and found.low < found.difference < found.high and found.better == 6 and found.runs == 60
    alike = savings_across(dict.fromkeys("abcd", LINES["twice"]), Target(), rng(), draws=200)
    assert alike.low == pytest.approx(alike.high) == pytest.approx(alike.difference)
    still = across_sets({"twice": [float(np.log(2))] * 3, **{name: [0.0] * 3 for name in ("same", "a", "b")}}, rng(4), draws=500)
    mixed = savings_across({**LINES, "a": LINES["same"], "b": LINES["same"]}, Target(), rng(4), draws=500)
    assert (mixed.difference, mixed.better) == (pytest.approx(still.difference), 1)


@pytest.mark.parametrize("pairs", [{}, {"x": pair(np.empty((0, 3)), np.empty((0, 3)))}, {"x": pair([[0.1, 0.2, 0.3]], [[0.1, 0.2, 0.3]] * 2)}])
def test_savings_need_shared_seeds_on_every_set(pairs):
    with pytest.raises(UsageError):
        savings_across(pairs, Target(), rng())
