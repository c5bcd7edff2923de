"""Scores against naive twins, golden numbers and their own bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.kernels import information

pytestmark = pytest.mark.torchless

FIXTURE = np.array([[[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]], [[0.4, 0.3, 0.3], [0.3, 0.4, 0.3]], [[0.9, 0.05, 0.05]] * 2, [[0.2, 0.1, 0.7], [0.6, 0.1, 0.3]]])

IMPROPER = [[0.5, 0.2, 0.1], [0.9, 0.2, 0.1], [1.1, -0.2, 0.1], [0.6, 0.5, -0.1], [-0.6, 0.8, 0.8], [np.nan, 0.5, 0.5], [np.inf, 0, 0], [2, -np.inf, 1]]


@pytest.mark.parametrize(
    ("kernel", "wanted"),
    [
        (information.least_confidence, [0.5, 0.65, 0.1, 0.5]),
        (information.margin, [0.9, 1.0, 0.15, 0.9]),
        (information.ratio, [0.8, 1.0, 0.055556, 0.8]),
        (information.entropy, [0.943348, 1.096067, 0.394398, 0.943348]),
        (information.bald, [0.222923, 0.007167, 0.0, 0.093466]),
    ],
)
def test_golden_fixture(kernel: information.Callable, wanted: list[float]) -> None:
    np.testing.assert_allclose(kernel(FIXTURE), wanted, atol=1e-5)
    certain, even = np.eye(4)[:, None].repeat(2, axis=1), np.full((1, 2, 2000), (1 + 9e-4) / 2000)
    assert (kernel(certain) < 1e-300).all(), "zeros are no error"
    assert np.isfinite(kernel(even)).all(), "nor is a row that misses 1 by more than its largest probability"
    close = (FIXTURE[:, :1] * (1 + 1e-3 * np.array([[[1, -1, 0], [0, 1, -1], [-1, 0, 1]]]))).astype(np.float32)
    np.testing.assert_allclose(kernel(close), kernel(close.astype(np.float64)), rtol=1e-2, atol=0)
    np.testing.assert_allclose(kernel(np.tile(FIXTURE, (1, 20, 1))), wanted, atol=1e-5)  # 40 samples: other sums


@pytest.mark.parametrize("kernel", [information.least_confidence, information.margin, information.entropy])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "bad", [[0.5, 0.2, 0.1], [0.9, 0.2, 0.1], [1.1, -0.2, 0.1], [0.6, 0.5, -0.1], [-0.6, 0.8, 0.8], [np.nan, 0.5, 0.5], [np.inf, 0, 0], [2, -np.inf, 1]]
)
def test_what_is_no_distribution_scores_nan_and_nothing_else_does(kernel: information.Callable, dtype: type, bad: list[float]) -> None:
    probs = np.concatenate([FIXTURE[:, :1], [[bad]], FIXTURE[:, 1:], [[[0.3335, 0.3335, 0.3333]]]]).astype(dtype)
    wrong = np.isnan(kernel(probs))
    assert wrong.tolist() == [row == 4 for row in range(10)], "sums may miss 1 by the tolerance"
    np.testing.assert_array_equal(kernel(probs)[~wrong], kernel(probs[~wrong]))


@st.composite
def probabilities(draw: st.DrawFn) -> np.ndarray:
    n, k, c = draw(st.integers(1, 8)), draw(st.integers(1, 5)), draw(st.integers(2, 6))
    logits = np.array(draw(st.lists(st.floats(-30, 30), min_size=n * k * c, max_size=n * k * c))).reshape(n, k, c)
    shifted = np.exp(logits - logits.max(axis=2, keepdims=True))
    return shifted / shifted.sum(axis=2, keepdims=True)


def naive(probs: np.ndarray) -> dict[str, list[float]]:
    rows: dict[str, list[float]] = {"least_confidence": [], "margin": [], "ratio": [], "entropy": [], "bald": []}
    for samples in probs:
        mean = [sum(s[c] for s in samples) / len(samples) for c in range(len(samples[0]))]
        first, second = sorted(mean, reverse=True)[:2]
        h = [-sum(p * math.log(p) for p in s if p > 0) for s in [mean, *samples]]
        rows["least_confidence"].append(1 - first)
        rows["margin"].append(1 - (first - second))
        rows["ratio"].append(second / first)
        rows["entropy"].append(h[0])
        rows["bald"].append(h[0] - sum(h[1:]) / len(samples))
    return rows


@given(probabilities())
def test_equals_the_naive_twin(probs: np.ndarray) -> None:
    for name, wanted in naive(probs).items():
        np.testing.assert_allclose(getattr(information, name)(probs), wanted, atol=1e-9)


@given(probabilities())
def test_bounds(probs: np.ndarray) -> None:
    k, c = probs.shape[1:]
    assert (information.least_confidence(probs) <= 1 - 1 / c + 1e-12).all()
    assert (information.entropy(probs) <= math.log(c) + 1e-12).all()
    assert (information.bald(probs) <= min(math.log(k), math.log(c)) + 1e-12).all()
    for name in ("least_confidence", "margin", "ratio", "entropy", "bald"):
        assert (getattr(information, name)(probs) >= -1e-15).all()


@given(probabilities(), st.randoms(use_true_random=False))
def test_class_order_does_not_matter(probs: np.ndarray, random: object) -> None:
    order = list(range(probs.shape[2]))
    random.shuffle(order)  # type: ignore[attr-defined]
    for name in ("least_confidence", "margin", "ratio", "entropy", "bald"):
        np.testing.assert_allclose(getattr(information, name)(probs[:, :, order]), getattr(information, name)(probs), atol=1e-12)


def test_two_classes_rank_alike() -> None:
    p = np.linspace(0.01, 0.99, 41)
    probs = np.stack([p, 1 - p], axis=1)[:, None]
    orders = [
        np.argsort(np.round(getattr(information, name)(probs), 12), kind="stable").tolist() for name in ("least_confidence", "margin", "ratio", "entropy")
    ]
    assert orders.count(orders[0]) == 4


def test_certain_items_keep_their_order_in_float32() -> None:
    gaps = np.arange(18, 60, 3, dtype=np.float64)
    logits = np.stack([gaps, np.zeros_like(gaps), np.full_like(gaps, -5)], axis=1)
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs = (probs / probs.sum(axis=1, keepdims=True)).astype(np.float32)[:, None]
    assert len(np.unique(1 - probs.max(axis=2))) == 1, "the usual form ties here"
    for name in ("least_confidence", "margin", "ratio", "entropy"):
        scores = getattr(information, name)(probs)
        assert (np.diff(scores) < 0).all(), name


def test_members_that_agree_have_no_disagreement() -> None:
    assert (information.bald(np.repeat(FIXTURE[:, :1], 20, axis=1)) < 1e-15).all()


def test_blocks_do_not_change_results(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {name: getattr(information, name)(FIXTURE) for name in ("margin", "entropy", "bald")}
    monkeypatch.setattr(information, "BLOCK", 1)
    for name, wanted in whole.items():
        assert (getattr(information, name)(FIXTURE) == wanted).all()
