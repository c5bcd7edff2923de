"""EPIG: the direct form, bounds, golden numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import targets
from querist.kernels.information import bald, entropy
from querist.kernels.targets import balanced, epig

pytestmark = pytest.mark.torchless

FIXTURE = np.array([[[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]], [[0.4, 0.3, 0.3], [0.3, 0.4, 0.3]], [[0.9, 0.05, 0.05]] * 2, [[0.2, 0.1, 0.7], [0.6, 0.1, 0.3]]])


def drawn(n: int, k: int, c: int, seed: int = 0, alpha: float = 1.0) -> np.ndarray:
    return stream(seed, 0, "oracle").dirichlet(np.full(c, alpha), size=(n, k))


def direct(item: np.ndarray, target: np.ndarray) -> float:
    """KL of the joint distribution of two labels from the product of its margins."""
    joint = np.mean([np.outer(a, b) for a, b in zip(item, target, strict=True)], axis=0)
    product = np.outer(item.mean(axis=0), target.mean(axis=0))
    return float((joint * np.log(joint / product)).sum())


def test_golden_fixture() -> None:
    np.testing.assert_allclose(epig(FIXTURE, FIXTURE[[0, 3]]), [0.060939, 0.002092, 0.0, 0.026775], atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 6), st.integers(2, 4), st.integers(0, 10_000))
def test_equals_the_direct_divergence(n: int, t: int, k: int, c: int, seed: int) -> None:
    items, aims = drawn(n, k, c, seed), drawn(t, k, c, seed + 1)
    weights = stream(seed, 1, "oracle").random(t) + 0.1
    wanted = [[direct(item, target) for target in aims] for item in items]
    np.testing.assert_allclose(epig(items, aims), np.mean(wanted, axis=1), atol=1e-9)
    np.testing.assert_allclose(epig(items, aims, weights), np.average(wanted, axis=1, weights=weights), atol=1e-9)


def test_bounds() -> None:
    items, aims = drawn(80, 9, 4, alpha=0.3), drawn(20, 9, 4, seed=1, alpha=0.3)
    scores = epig(items, aims)
    assert (scores >= 0).all() and (scores <= bald(items) + 1e-9).all()
    assert (scores <= np.minimum(entropy(items), entropy(aims).mean()) + 1e-9).all()


def test_one_sample_says_nothing() -> None:
    assert (epig(drawn(10, 1, 4), drawn(3, 1, 4)) == 0).all()


def test_samples_that_are_other_functions_share_no_information() -> None:
    """Independent masks for items and targets: what is left is the chance agreement of finitely many samples."""
    rng = stream(0, 0, "oracle")
    e = np.exp(np.einsum("nd,kdc->nkc", rng.normal(size=(20, 4)), rng.normal(size=(200, 4, 2))))
    items = e / e.sum(axis=2, keepdims=True)
    order = stream(1, 0, "oracle").permutation(200)
    assert epig(items, items[:, order]).mean() < 0.1 * epig(items, items).mean()


@pytest.mark.parametrize("block", [1, 50, 1000])
def test_blocks_change_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    items, aims = drawn(30, 5, 3), drawn(7, 5, 3, seed=1)
    wanted = epig(items, aims)
    monkeypatch.setattr(targets, "BLOCK", block)
    np.testing.assert_allclose(epig(items, aims), wanted, atol=1e-12)


def test_balance_lifts_rare_classes() -> None:
    aims = np.repeat(np.eye(2) * 0.98 + 0.01, [9, 1], axis=0)[:, None]
    weights = balanced(aims)
    share = (weights[:, None] * aims[:, 0]).sum(axis=0) / weights.sum()
    assert weights[9] > 5 * weights[0]
    assert abs(share[0] - 0.5) < 0.05 < abs(aims[:, 0].mean(axis=0)[0] - 0.5)
    np.testing.assert_allclose(balanced(np.full((6, 2, 3), 1 / 3)), 1.0)
