"""Votes, spread and the parts of BALD: golden numbers, definitions, bounds."""

from __future__ import annotations

import math
import tracemalloc
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from querist.core.rng import stream
from querist.kernels import information
from querist.kernels.simplex import first_improper

pytestmark = pytest.mark.torchless

FIXTURE = np.array([[[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]], [[0.4, 0.3, 0.3], [0.3, 0.4, 0.3]], [[0.9, 0.05, 0.05]] * 2, [[0.2, 0.1, 0.7], [0.6, 0.1, 0.3]]])
KERNELS = [information.variation_ratio, information.vote_entropy, information.mean_std]


def drawn(n: int, k: int, c: int, seed: int = 0) -> np.ndarray:
    return stream(seed, 0, "oracle").dirichlet(np.ones(c), size=(n, k))


def nearly_agreeing() -> np.ndarray:
    """Three members a thousandth apart, in float32: what sums of rounding errors would drown."""
    return np.asarray(drawn(40, 1, 3) * (1 + 1e-3 * np.array([[[1, -1, 0], [0, 1, -1], [-1, 0, 1]]])), dtype=np.float32)


@pytest.mark.parametrize(
    ("kernel", "wanted"),
    [
        (information.variation_ratio, [0.5, 0.5, 0.0, 0.5]),
        (information.least_confidence, [0.5, 0.65, 0.1, 0.5]),
        (information.mean_std, [0.2, 0.033333, 0.0, 0.133333]),
        (information.vote_entropy, [math.log(2), math.log(2), 0.0, math.log(2)]),
    ],
)
def test_golden_fixture(kernel: Callable, wanted: list[float]) -> None:
    np.testing.assert_allclose(kernel(FIXTURE), wanted, atol=1e-5)
    np.testing.assert_allclose(kernel(FIXTURE.astype(np.float32)), wanted, atol=1e-5)


def test_votes_and_spread_equal_the_naive_twin() -> None:
    probs = drawn(60, 7, 4)
    for item, ratio, spread in zip(probs, information.variation_ratio(probs), information.mean_std(probs), strict=True):
        votes = Counter(int(np.argmax(sample)) for sample in item)
        assert ratio == pytest.approx(1 - max(votes.values()) / 7)
        assert spread == pytest.approx(np.mean([np.std([sample[c] for sample in item]) for c in range(4)]))


def test_vote_entropy_equals_its_definition() -> None:
    probs = drawn(60, 7, 4, seed=1)
    for item, got in zip(probs, information.vote_entropy(probs), strict=True):
        shares = [count / 7 for count in Counter(int(np.argmax(sample)) for sample in item).values()]
        assert got == pytest.approx(-sum(p * math.log(p) for p in shares))


def test_consensus_divergence_is_bald() -> None:
    probs = drawn(40, 5, 4, seed=2)
    for many in (probs, nearly_agreeing()):
        for item, got in zip(many.astype(np.float64), information.bald(many), strict=True):
            consensus = item.mean(axis=0)
            wanted = np.mean([sum(p * math.log(p / q) for p, q in zip(member, consensus, strict=True)) for member in item])
            assert got == pytest.approx(wanted, rel=1e-2 if many.dtype == np.float32 else 1e-6, abs=0)
    assert (information.bald(np.eye(4)[:, None].repeat(3, axis=1)) < 1e-300).all(), "classes that nobody expects"


@pytest.mark.parametrize("kernel", KERNELS)
def test_one_member_or_equal_members_do_not_disagree(kernel: Callable) -> None:
    assert (kernel(drawn(20, 1, 4)) == 0).all()
    assert (kernel(np.repeat(drawn(20, 1, 4), 5, axis=1)) < 1e-15).all()
    probs = drawn(20, 6, 4)
    np.testing.assert_allclose(kernel(probs[:, ::-1]), kernel(probs), atol=1e-12)


def test_members_that_are_certain_of_different_classes() -> None:
    probs = np.eye(4)[None]
    for kernel, wanted in ((information.variation_ratio, 0.75), (information.least_confidence, 0.75), (information.vote_entropy, math.log(4))):
        assert kernel(probs)[0] == pytest.approx(wanted)
    assert information.bald(probs)[0] == pytest.approx(math.log(4))


def test_spread_of_close_members_is_no_root_of_a_negative_number() -> None:
    """In one pass and float32, E[p²] - E[p]² of these is below 0."""
    base = np.float32(0.3) + np.arange(4, dtype=np.float32) * np.float32(1e-8)
    probs = np.stack([base, 1 - base], axis=1)[None].astype(np.float32)
    assert np.isfinite(information.mean_std(probs)).all()


@pytest.mark.parametrize("members", [1, 2, 3])
def test_bald_splits_into_between_and_within(members: int) -> None:
    probs = drawn(50, 6, 4, seed=members)
    between, within = information.between_and_within(probs, members)
    singles = -(probs * np.log(probs)).sum(axis=2).mean(axis=1)
    mean = probs.mean(axis=1)
    np.testing.assert_allclose(between + within, -(mean * np.log(mean)).sum(axis=1) - singles, atol=1e-12)
    np.testing.assert_allclose(between + within, information.bald(probs), atol=1e-12)
    close = nearly_agreeing()
    np.testing.assert_allclose(information.between_and_within(close, 3)[0], information.bald(close.astype(np.float64)), rtol=1e-2)
    np.testing.assert_allclose(information.between_and_within(close, 1)[1], information.bald(close.astype(np.float64)), rtol=1e-2)
    assert (information.between_and_within(np.eye(4)[:, None].repeat(6, axis=1), members)[0] < 1e-300).all(), "classes that nobody expects"
    assert (information.bald(probs) >= within - 1e-12).all()
    if members == 1:
        assert (between < 1e-12).all(), "an ensemble of one is MC dropout"
    single = np.repeat(drawn(50, members, 4), 3, axis=1)
    np.testing.assert_allclose(information.between_and_within(single, members)[1], 0.0, atol=1e-12)


def test_float32_input_loses_nothing_that_matters() -> None:
    """Relative to the same numbers in float64, also where members nearly agree."""
    rng = stream(4, 0, "oracle")
    for spread in (2.0, 1e-2):
        z = rng.normal(size=(400, 1, 10)) * 3 + rng.normal(size=(400, 40, 10)) * spread
        e = np.exp(z - z.max(axis=2, keepdims=True))
        probs = (e / e.sum(axis=2, keepdims=True)).astype(np.float32)
        same = probs.astype(np.float64)
        for name, relative in (("entropy", 2e-6), ("margin", 1e-12), ("least_confidence", 1e-12), ("ratio", 1e-6), ("bald", 1e-6 + 1e-6 / spread)):
            kernel = getattr(information, name)
            for few in (probs, probs[:, :1]) if name != "bald" else (probs, probs[:, :20]):
                np.testing.assert_allclose(kernel(few), kernel(few.astype(np.float64)), rtol=relative, err_msg=name)
        assert (information.margin(probs) == information.margin(same)).all()


@pytest.mark.parametrize("broken", [np.nan, np.inf, -0.1])
def test_what_is_no_distribution_is_found(broken: float) -> None:
    for dtype in (np.float32, np.float64):
        probs = drawn(500, 3, 4).astype(dtype)
        assert first_improper(probs) is None
        probs[321, 1, 2] = broken
        probs[400, 0, 0] = broken
        assert first_improper(probs) == 321
    off = drawn(10, 2, 4)
    off[7, 1] *= 1.01
    off[7, 0] *= 0.99
    assert first_improper(off) == 7, "samples that are off by as much in two directions"
    assert first_improper(np.transpose(drawn(10, 4, 2), (0, 2, 1))) == 0, "another memory order is read as it is"
    assert first_improper(drawn(10, 2, 4)[::-1]) is None and first_improper(np.empty((0, 1, 3))) is None


@pytest.mark.parametrize("c", [2, 5, 6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neither_blocks_nor_memory_order_change_a_bit(c: int, dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    probs = drawn(101, 7, c).astype(dtype)
    kernels = [*KERNELS, information.least_confidence, information.margin, information.ratio, information.entropy, information.bald]
    wanted = [kernel(probs) for kernel in kernels]
    other = np.ascontiguousarray(probs.transpose(1, 2, 0)).transpose(2, 0, 1)
    for block in (1, 7 * c * 4, 1 << 20):
        monkeypatch.setattr(information, "BLOCK", block)
        for kernel, scores in zip(kernels, wanted, strict=True):
            assert (kernel(probs) == scores).all() and (kernel(other) == scores).all(), kernel.__name__


def test_memory_does_not_grow_with_the_pool_beyond_the_scores() -> None:
    probs = np.full((150_000, 2, 10), 0.1, dtype=np.float32)
    for kernel in (*KERNELS, information.margin, information.entropy, information.bald, first_improper):
        tracemalloc.start()
        kernel(probs)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 8 * len(probs) + (6 << 20), f"{kernel.__name__}: {peak}"


def test_nan_reaches_the_score_of_its_row() -> None:
    probs = drawn(9, 4, 6).astype(np.float32)
    probs[5, 2, 3] = np.nan
    for kernel in (information.least_confidence, information.margin, information.ratio, information.entropy, information.bald, information.mean_std):
        assert np.flatnonzero(np.isnan(kernel(probs))).tolist() == [5], kernel.__name__
