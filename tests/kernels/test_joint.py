"""Joint mutual information of a batch: brute force over labels, golden numbers, sampling, laziness, saturation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.kernels import joint
from querist.kernels.information import bald
from querist.kernels.joint import Joint, greedy

pytestmark = pytest.mark.torchless

FIXTURE = np.array([[[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]], [[0.4, 0.3, 0.3], [0.3, 0.4, 0.3]], [[0.9, 0.05, 0.05]] * 2, [[0.2, 0.1, 0.7], [0.6, 0.1, 0.3]]])


def drawn(n: int, k: int, c: int, seed: int = 0, spread: float = 2.0) -> np.ndarray:
    z = stream(seed, 0, "oracle").normal(size=(n, k, c)) * spread
    e = np.exp(z)
    return e / e.sum(axis=2, keepdims=True)


def brute_force(batch: np.ndarray) -> float:
    """I(y_1 … y_b; w) by enumeration of all labels."""
    b, k, c = batch.shape
    h = 0.0
    for labels in itertools.product(range(c), repeat=b):
        p = np.mean([np.prod([batch[j, member, y] for j, y in enumerate(labels)]) for member in range(k)])
        h -= p * np.log(p) if p > 0 else 0.0
    single = -np.sum(batch * np.log(np.where(batch > 0, batch, 1)), axis=2).mean(axis=1)
    return float(h - single.sum())


def score(batch: np.ndarray, most: int = 100_000, seed: int = 0) -> float:
    """The same by the recursion."""
    state = Joint(batch.shape[1], most, stream(seed, 0, "select"))
    total = 0.0
    for item in batch:
        total += float(state.gains(item[None])[0])
        state.add(item)
    return total


GOLDEN = {(0, 1): 0.227193, (0, 3): 0.279103, (0, 2): 0.222923, (1, 3): 0.099347, (0, 0): 0.361254, (0, 1, 3): 0.282854, (0, 1, 2, 3): 0.282854}


@pytest.mark.parametrize(("rows", "wanted"), GOLDEN.items())
def test_golden_scores(rows: tuple[int, ...], wanted: float) -> None:
    assert score(FIXTURE[list(rows)]) == pytest.approx(wanted, abs=1e-5)
    assert brute_force(FIXTURE[list(rows)]) == pytest.approx(wanted, abs=1e-5)


class TestBatchbald:
    """What every flipped sign of BatchBALD breaks."""

    def test_golden_batch(self) -> None:
        found = greedy(FIXTURE, 2, Joint(2, 100, stream(0, 0, "select")))
        assert found.rows.tolist() == [0, 3] and found.exact == 2 and not found.full
        assert found.gains.sum() == pytest.approx(0.279103, abs=1e-5)

    @settings(deadline=None, max_examples=40)
    @given(st.integers(1, 4), st.integers(1, 6), st.integers(2, 4), st.integers(0, 10_000))
    def test_recursion_equals_enumeration(self, b: int, k: int, c: int, seed: int) -> None:
        batch = drawn(b, k, c, seed)
        assert score(batch) == pytest.approx(brute_force(batch), abs=1e-12)
        assert score(batch[::-1]) == pytest.approx(score(batch), abs=1e-12), "the order of a batch does not matter"
        assert bald(batch).max() - 1e-12 <= score(batch) <= min(bald(batch).sum(), np.log(k)) + 1e-12

    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    @pytest.mark.parametrize("seed", range(4))
    def test_lazy_greedy_picks_what_full_greedy_picks(self, seed: int, dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
        probs = drawn(300, 10, 3, seed, 1.0).astype(dtype)
        monkeypatch.setattr(joint, "LAZY", 2)
        lazy, full, naive = (Joint(10, 300, stream(0, 0, "select")) for _ in range(3))
        a, b = greedy(probs, 5, lazy), greedy(probs, 5, full, lazy=False)
        picks: list[int] = []
        for _ in range(5):
            gains = naive.gains(probs.astype(np.float64))
            gains[picks] = -1
            picks.append(int(gains.argmax()))
            naive.add(probs[picks[-1]])
        assert a.rows.tolist() == b.rows.tolist() == picks and a.exact == 5
        np.testing.assert_allclose(a.gains, b.gains, atol=1e-12)

    def test_sampled_gains_equal_the_importance_weighted_form(self) -> None:
        """-(1/M) Σ_m Σ_c (Q_mc / q_m) log Q_mc - mean_m (-log q_m) - mean_k H(P_k), with Q = s P / k and q = mean_k s."""
        probs, new = drawn(6, 5, 4), drawn(3, 5, 4, seed=9)
        state = Joint(5, 50, stream(1, 0, "select"))
        for item in probs:
            state.add(item)
        assert not state.exact and len(state.mass) == 50
        s = np.exp(state._logs)
        for item, gain in zip(new, state.gains(new), strict=True):
            big, q = s @ item / 5, s.mean(axis=1)
            cross = -(big / q[:, None] * np.log(big)).sum(axis=1).mean() + np.log(q).mean()
            assert gain == pytest.approx(cross + (item * np.log(item)).sum(axis=1).mean(), abs=1e-10)

    @pytest.mark.parametrize("block", [1, 77, 1 << 20])
    def test_blocks_change_no_pick(self, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
        probs = drawn(120, 6, 3).astype(np.float32)
        wanted = greedy(probs, 8, Joint(6, 60, stream(0, 0, "select")), full=2.0)
        monkeypatch.setattr(joint, "BLOCK", block)
        monkeypatch.setattr(joint, "TALL", min(block, 50))
        monkeypatch.setattr(joint, "LAZY", min(block, 7))
        found = greedy(probs, 8, Joint(6, 60, stream(0, 0, "select")), full=2.0)
        assert found.rows.tolist() == wanted.rows.tolist() and found.exact < 8
        np.testing.assert_allclose(found.gains, wanted.gains, atol=1e-9)

    @pytest.mark.parametrize(("k", "c", "spread"), [(20, 10, 2.0), (100, 10, 0.3), (5, 100, 4.0)])
    def test_float32_gains_are_within_their_slack(self, k: int, c: int, spread: float) -> None:
        probs = drawn(60, k, c, spread=spread).astype(np.float32)
        state = Joint(k, 2000, stream(0, 0, "select"))
        for item in probs[:4]:
            state.add(item)
        gap = np.abs(state.gains(probs) - state.gains(probs.astype(np.float64))).max()
        assert 0 < gap < joint.slack(probs) / 4

    def test_the_batch_ends_at_the_ceiling(self) -> None:
        probs = drawn(200, 4, 5, spread=4.0)
        found = greedy(probs, 50, Joint(4, 1000, stream(0, 0, "select")))
        assert found.full and 0 < len(found.rows) < 50
        assert 0.95 * np.log(4) <= found.gains.sum() <= np.log(4) + 1e-9
        endless = greedy(probs, 50, Joint(4, 1000, stream(0, 0, "select")), full=2.0)
        assert len(endless.rows) > len(found.rows)

    def test_ties_go_to_the_lower_row_and_agreement_ends_the_batch(self) -> None:
        probs = np.repeat(drawn(3, 5, 3), 40, axis=0)
        first = greedy(probs, 1, Joint(5, 100, stream(0, 0, "select"))).rows[0]
        assert first % 40 == 0
        same = greedy(np.repeat(drawn(9, 1, 3), 4, axis=1), 3, Joint(4, 100, stream(0, 0, "select")))
        assert same.full and not len(same.rows)

    def test_float32_rounding_decides_nothing(self) -> None:
        """Copies with their classes in another order gain the same; rounded to float32, some gain more than the first."""
        item = drawn(1, 12, 6, seed=5)[0].astype(np.float32)
        orders = [stream(seed, 0, "oracle").permutation(6) for seed in range(60)]
        probs = np.stack([item, *(item[:, order] for order in orders)])
        state = Joint(12, 400, stream(0, 0, "select"))
        for other in drawn(4, 12, 6, seed=6):
            state.add(other)
        assert state.gains(probs).argmax() != 0, "float32 alone would pick another"
        assert greedy(probs, 1, state, lazy=False, full=2.0).rows.tolist() == [0]

    def test_a_long_batch_does_not_underflow(self) -> None:
        probs = drawn(1, 4, 10, spread=0.1)
        state = Joint(4, 40, stream(0, 0, "select"))
        for _ in range(2000):  # 10 ** -2000 is no float64
            state.add(probs[0])
        assert np.isfinite(state.weights).all() and np.allclose(state.weights.sum(axis=1), 1)
        assert np.isfinite(state.gains(probs)).all()


def test_one_pick_is_bald_and_a_copy_gains_less() -> None:
    probs = drawn(30, 6, 3)
    state = Joint(6, 1000, stream(0, 0, "select"))
    np.testing.assert_allclose(state.gains(probs), bald(probs), atol=1e-12)
    state.add(probs[4])
    copy = float(state.gains(probs[4:5])[0])
    assert 0 < copy < bald(probs)[4]
    assert copy == pytest.approx(brute_force(probs[[4, 4]]) - bald(probs)[4], abs=1e-12)


def test_members_that_are_certain_split_by_their_labels() -> None:
    """Four certain members, two items that split them 2 : 2 in different ways: the joint information is that of the partition."""
    one_hot = np.eye(2)[np.array([[0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1]])]
    assert score(one_hot[:2]) == pytest.approx(np.log(4), abs=1e-12)
    assert score(one_hot[[0, 2]]) == pytest.approx(np.log(2), abs=1e-12)
    assert score(one_hot, most=4) == pytest.approx(np.log(4), abs=1e-12), "configurations without mass take no room"


@pytest.mark.parametrize("seed", range(5))
def test_greedy_is_near_the_best_pair(seed: int) -> None:
    probs = drawn(6, 5, 3, seed)
    best = max(brute_force(probs[list(pair)]) for pair in itertools.combinations(range(6), 2))
    assert greedy(probs, 2, Joint(5, 1000, stream(0, 0, "select"))).gains.sum() >= (1 - 1 / np.e) * best


def test_gains_shrink_so_old_ones_bound_new_ones() -> None:
    probs = drawn(50, 8, 3)
    state, before = Joint(8, 10_000, stream(0, 0, "select")), np.full(50, np.inf)
    for row in range(5):
        gains = state.gains(probs)
        assert (gains <= before + 1e-12).all()
        before = gains
        state.add(probs[row])


def test_a_large_sample_is_within_one_percent_of_exact() -> None:
    probs = drawn(5, 8, 4)
    exact = score(probs, most=4**5)
    assert score(probs, most=256) == exact, "the first four fit"
    assert score(probs, most=255) != exact
    assert score(probs, most=500, seed=3) == pytest.approx(exact, rel=0.1)
    state = Joint(8, 200_000, stream(0, 0, "select"))
    for item in probs[:4]:
        state._draw(item.astype(np.float64))
    state.weights = np.exp(state._logs) / np.exp(state._logs).sum(axis=1, keepdims=True)
    state.mass = np.full(len(state.weights), 1 / len(state.weights))
    fully = Joint(8, 4**5, stream(0, 0, "select"))
    for item in probs[:4]:
        fully.add(item)
    np.testing.assert_allclose(state.gains(probs[4:]), fully.gains(probs[4:]), rtol=0.01)


def test_sampled_labels_follow_their_member() -> None:
    p = np.array([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0]])
    state = Joint(2, 4000, stream(0, 0, "select"))
    state._draw(p)
    own = state._logs.reshape(2, 2000, 2)
    assert np.isfinite(own[0, :, 0]).all() and np.isfinite(own[1, :, 1]).all(), "a label that its member never gives is never drawn"
    assert np.isneginf(own[0, :, 1]).all()


def test_too_few_configurations_are_refused() -> None:
    with pytest.raises(UsageError, match="4 configurations"):
        Joint(5, 4, stream(0, 0, "select"))
