"""Sites folded to items: the properties that every aggregator keeps, and what is particular to each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import information, ragged

pytestmark = pytest.mark.torchless

SEEDS = st.integers(0, 10**6)

FOLDS: dict[str, Callable[..., Any]] = {**ragged.AGGREGATORS, "topk_mean": partial(ragged.topk_mean, k=3)}
"""Those that take scores, offsets, weights and the value of an empty item."""


def draw(seed: int, *, least: int = 0, dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray]:
    """Scores and offsets of nine items."""
    rng = stream(seed, 0, "oracle")
    sizes = rng.integers(least, 6, size=9)
    return rng.normal(size=int(sizes.sum())).astype(dtype), np.concatenate([[0], np.cumsum(sizes)])


def by_class(u: np.ndarray, offsets: np.ndarray, weight: np.ndarray | None = None, empty: float = 0.0) -> np.ndarray:
    """Class means with classes that follow from the scores alone, so that they move with them."""
    return np.asarray(ragged.class_mean_then(u, offsets, weight, empty, classes=(np.abs(u) * 2).astype(int) % 3, then="max"))


ALL = {**FOLDS, "class_mean_then": by_class}


@pytest.mark.parametrize("name", sorted(ALL))
def test_one_site_is_the_score_bit_for_bit(name: str) -> None:
    u = stream(1, 0, "oracle").normal(size=50)
    assert ALL[name](u, np.arange(51)).tobytes() == u.tobytes()
    assert ALL[name](u, np.arange(51), np.ones(50)).tobytes() == u.tobytes()


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_sites_means_nothing(name: str, seed: int) -> None:
    u, offsets = draw(seed)
    weight = stream(seed, 0, "select").uniform(0.1, 2, size=len(u))
    order = np.concatenate([start + stream(seed, 1, "select").permutation(stop - start) for start, stop in pairwise(offsets)]).astype(int)
    np.testing.assert_allclose(ALL[name](u, offsets, weight), ALL[name](u[order], offsets, weight[order]), atol=1e-12)


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("seed", range(5))
def test_sites_of_no_weight_change_nothing(name: str, seed: int) -> None:
    u, offsets = draw(seed)
    rng = stream(seed, 2, "select")
    owner = ragged.owners(offsets)
    more = rng.integers(0, 9, size=30)
    order = np.argsort(np.concatenate([owner, more]), kind="stable")
    padded = np.concatenate([u, rng.normal(size=30) * 9])[order]
    weight = np.concatenate([np.ones(len(u)), np.zeros(30)])[order]
    wider = np.concatenate([[0], np.cumsum(np.bincount(np.concatenate([owner, more]), minlength=9))])
    assert ALL[name](padded, wider, weight, -7.0).tobytes() == ALL[name](u, offsets, None, -7.0).tobytes()


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_site_twice(name: str) -> None:
    u, offsets = draw(3, least=1)
    once, twice = ALL[name](u, offsets), ALL[name](np.repeat(u, 2), 2 * offsets)
    if name in ("sum", "weighted_sum"):
        np.testing.assert_allclose(twice, 2 * once, atol=1e-12)
    elif name == "topk_mean":
        np.testing.assert_allclose(ragged.topk_mean(np.repeat(u, 2), 2 * offsets, k=6), once, atol=1e-12)
    else:
        np.testing.assert_allclose(twice, once, atol=1e-12)


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("empty", [0.0, -3.5, np.inf])
def test_an_item_without_sites_is_worth_what_was_said(name: str, empty: float) -> None:
    offsets = np.array([0, 0, 2, 2, 3, 3])
    folded = ALL[name](np.array([1.0, 2.0, 4.0]), offsets, None, empty)
    assert (folded == empty).tolist() == [True, False, True, False, True]
    assert (ALL[name](np.ones(2), np.array([0, 2]), np.zeros(2), empty) == empty).all()
    assert ALL[name](np.empty(0), np.zeros(4, dtype=int), None, empty).tolist() == [empty] * 3


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("seed", range(5))
def test_float32_is_as_good(name: str, seed: int) -> None:
    u, offsets = draw(seed, dtype=np.float32)
    np.testing.assert_allclose(ALL[name](u, offsets), ALL[name](u.astype(np.float64), offsets), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", sorted(ALL))
def test_chunks_fold_as_the_whole(name: str) -> None:
    u, offsets = draw(8)
    weight = stream(8, 0, "select").uniform(0.1, 2, size=len(u))
    parts = [ALL[name](u[offsets[i] : offsets[i + 3]], offsets[i : i + 4] - offsets[i], weight[offsets[i] : offsets[i + 3]]) for i in (0, 3, 6)]
    assert np.concatenate(parts).tobytes() == ALL[name](u, offsets, weight).tobytes()


@given(SEEDS)
def test_naive_twins(seed: int) -> None:
    u, offsets = draw(seed, least=1)
    w = stream(seed, 0, "select").uniform(0.1, 2, size=len(u))
    items = [slice(start, stop) for start, stop in pairwise(offsets)]
    naive = {
        "sum": [u[i].sum() for i in items],
        "mean": [u[i].mean() for i in items],
        "max": [u[i].max() for i in items],
        "min": [u[i].min() for i in items],
        "topk_mean": [np.sort(u[i])[::-1][:3].mean() for i in items],
        "weighted_sum": [u[i] @ w[i] for i in items],
        "weighted_mean": [u[i] @ w[i] / w[i].sum() for i in items],
    }
    for name, expected in naive.items():
        np.testing.assert_allclose(FOLDS[name](u, offsets, w), expected, atol=1e-12)


@given(SEEDS)
def test_class_means(seed: int) -> None:
    u, offsets = draw(seed)
    classes = stream(seed, 3, "oracle").integers(0, 3, size=len(u))
    for then, join in (("sum", np.sum), ("max", np.max), ("mean", np.mean)):
        expected = []
        for start, stop in pairwise(offsets):
            own, said = u[start:stop], classes[start:stop]
            expected.append(join([own[said == c].mean() for c in sorted(set(said.tolist()))]) if len(own) else -1.0)
        np.testing.assert_allclose(ragged.class_mean_then(u, offsets, None, -1.0, classes=classes, then=then), expected, atol=1e-12)  # type: ignore[arg-type]


def test_slots_of_a_string_fixture() -> None:
    slots = np.array([[[0.6, 0.3, 0.1]], [[1.0, 0.0, 0.0]]])
    assert ragged.slot_mean_bvsb(slots, np.array([0, 2])) == pytest.approx([0.25])
    assert ragged.slot_mean_bvsb(np.full((2, 1, 4), 0.25), np.array([0, 2])) == pytest.approx([1.0])


def test_candidate_tails_fixture() -> None:
    yes = np.array([[0.5], [0.5], [1.0], [0.0]])
    assert ragged.all_entities_mean(yes, np.array([0, 2, 4])) == pytest.approx([0.693147, 0.0], abs=1e-6)
    # The entropy is that of the mean over samples, not the mean of their entropies.
    assert ragged.all_entities_mean(np.array([[0.0, 1.0]]), np.array([0, 1])) == pytest.approx([np.log(2)])


def test_binary_entropy_is_that_of_two_classes() -> None:
    p = np.linspace(0, 1, 21)
    np.testing.assert_allclose(ragged.binary_entropy(p), information.entropy(np.stack([p, 1 - p], axis=1)[:, None]), atol=1e-12)
