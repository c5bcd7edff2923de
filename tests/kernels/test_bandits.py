"""EXP4.P: chances with a floor, the advisers' next picks, and weights that follow an unbiased estimate of reward."""

from __future__ import annotations

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels.bandits import chances, learnt, least_chance, offers

pytestmark = pytest.mark.torchless


def test_the_least_chance_by_hand() -> None:
    assert least_chance(4, 20) == pytest.approx(np.sqrt(np.log(4) / 80))
    assert least_chance(4, 1) == 0.25, "one pick: all alike"
    assert least_chance(1, 20) == 1.0


@pytest.mark.parametrize("origin", [0.0, 700.0])
def test_chances_sum_to_one_above_the_floor(origin: float) -> None:
    got = chances(np.array([0.0, -1.0, -900.0]) + origin, 0.1)
    assert got.sum() == pytest.approx(1.0) and got[2] == pytest.approx(0.1)
    assert got[0] == pytest.approx(0.7 / (1 + np.exp(-1)) + 0.1)


def test_everyone_offers_the_first_that_is_not_taken() -> None:
    orders, heads = np.array([[3, 1, 0], [3, 2, 1], [0, 1, 2]]), np.zeros(3, dtype=np.int64)
    taken = np.zeros(4, dtype=bool)
    assert offers(orders, taken, heads).tolist() == [3, 3, 0]
    taken[3] = True
    assert offers(orders, taken, heads).tolist() == [1, 2, 0]
    taken[1] = True
    assert offers(orders, taken, heads).tolist() == [0, 2, 0] and heads.tolist() == [2, 1, 0]


def naive(logs, advised, odds, rewards, doubt, least, horizon, delta) -> list[float]:  # type: ignore[no-untyped-def]
    out = []
    for a in range(len(logs)):
        estimate = sum(rewards[i] / odds[i] for i in range(len(odds)) if advised[i, a])
        out.append(logs[a] + least / 2 * (estimate + doubt[a] * (np.log(len(logs) / delta) / (len(logs) * horizon)) ** 0.5))
    return [one - max(out) for one in out]


@pytest.mark.parametrize("seed", range(5))
def test_it_equals_the_naive_twin(seed: int) -> None:
    rng = stream(seed, 0, "oracle")
    a, m = 4, 7
    given = (rng.normal(size=a), rng.random((m, a)) < 0.5, rng.uniform(0.1, 1, m), rng.random(m), rng.uniform(1, 5, a), 0.1, 20, 0.1)
    assert learnt(*given) == pytest.approx(naive(*given))


def test_the_estimate_of_reward_is_unbiased() -> None:
    """Over many draws the growth of a weight, without the bonus, is half the floor times the reward of that adviser's own picks."""
    worth, logs = np.array([0.9, 0.5, 0.1]), np.array([0.0, -0.5, -1.0])
    least = 0.15
    chance = chances(logs, least)
    drawn = stream(0, 0, "oracle").choice(3, p=chance, size=60_000)
    advised = drawn[:, None] == np.arange(3)
    after = learnt(logs, advised, chance[drawn], worth[drawn], np.zeros(3), least, 20, 0.1)
    growth = (after - after[0]) - (logs - logs[0])
    assert growth == pytest.approx(least / 2 * (worth - worth[0]) * len(drawn), rel=0.05)
