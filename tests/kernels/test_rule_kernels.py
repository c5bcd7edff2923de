"""Rules of batches: quotas, bins, sides, spacing, what pairs imply; and the numbers beside them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.rng import stream
from querist.kernels import latent, merging, pacing, quotas, spacing
from querist.kernels.ragged import binary_entropy
from querist.kernels.ranking import top_k

pytestmark = pytest.mark.torchless

SEEDS = st.integers(0, 10**6)


def test_lv_quotas_fixture() -> None:
    assert quotas.margin_quotas(np.array([0.2, 0.6, 0.9]), 10).tolist() == [6, 3, 1]
    assert quotas.margin_quotas(np.array([0.5, 0.5]), 8).tolist() == [4, 4]
    assert quotas.margin_quotas(np.array([1.0, 0.5]), 7).tolist() == [0, 7]
    assert quotas.margin_quotas(np.array([1.0, 1.0]), 4).tolist() == [2, 2]


@given(SEEDS, st.integers(0, 30))
def test_shares_sum_and_are_within_one(seed: int, k: int) -> None:
    shares = stream(seed, 0, "oracle").random(5) * (stream(seed, 1, "oracle").random(5) < 0.8)
    counts = quotas.largest_remainder(shares, k)
    assert counts.sum() == k
    exact = k * shares / shares.sum() if shares.sum() else np.full(5, k / 5)
    assert (np.abs(counts - exact) < 1).all()


@given(SEEDS, st.integers(0, 40))
def test_every_cluster_has_one_before_any_has_more_than_its_share(seed: int, k: int) -> None:
    sizes = stream(seed, 0, "oracle").integers(0, 9, size=6)
    counts = quotas.cluster_quotas(sizes, k)
    assert counts.sum() == min(k, sizes.sum()) and (counts <= sizes).all()
    if counts.sum() >= (sizes > 0).sum():
        assert (counts[sizes > 0] >= 1).all()
        assert (counts <= np.maximum(1, np.ceil(counts.sum() * sizes / max(sizes.sum(), 1)))).all()
    else:
        assert counts.max() == 1 or not k
        assert sizes[counts == 1].min(initial=99) >= sizes[(counts == 0)].max(initial=0)


def test_bins_of_one_draw_uniformly_and_bins_of_n_are_the_top() -> None:
    scores = stream(0, 0, "oracle").random(12)
    hits = np.zeros(12)
    for seed in range(600):
        hits[quotas.bin_draw(scores, 1, 3, stream(seed, 0, "select"))] += 1
    assert np.square(hits - 150).sum() / 150 < 33  # chi-square with 11 degrees, far beyond 0.1 %
    assert quotas.bin_draw(scores, 12, 5, stream(0, 0, "select")).tolist() == top_k(scores, 5).tolist()
    assert quotas.bin_draw(scores, 99, 12, stream(1, 0, "select")).tolist() == top_k(scores, 12).tolist()
    middle = quotas.bin_draw(scores, 3, 6, stream(2, 0, "select"))
    assert set(middle[:4].tolist()) == set(top_k(scores, 4).tolist()) and set(middle.tolist()) < set(top_k(scores, 8).tolist())


def test_histogram() -> None:
    place, counts = quotas.histogram(np.array([0.0, 0.24, 0.25, 1.0, 0.99]), 4)
    assert place.tolist() == [0, 0, 1, 3, 3] and counts.tolist() == [2, 1, 0, 2]
    assert quotas.histogram(np.array([0.0, 0.24, 0.25, 1.0, 0.99]) * 3 + 7, 4)[0].tolist() == place.tolist()
    place, counts = quotas.histogram(np.full(3, 7.0), 4)
    assert place.tolist() == [0, 0, 0] and counts.tolist() == [3, 0, 0, 0]


def test_kasai_fixture() -> None:
    p = np.array([0.9, 0.6, 0.55, 0.45, 0.2, 0.01])
    entropy = binary_entropy(p)
    np.testing.assert_allclose(entropy, [0.325, 0.673, 0.688, 0.688, 0.5, 0.056], atol=1e-3)
    people, free = quotas.sides(p, entropy, 2)
    assert people.tolist() == [2, 3] and sorted(free.tolist()) == [0, 5]


@given(SEEDS, st.integers(0, 12))
def test_sides_are_halves_or_filled_up(seed: int, k: int) -> None:
    p = stream(seed, 0, "oracle").random(9)
    people, free = quotas.sides(p, binary_entropy(p), k)
    yes = int((p >= 0.5).sum())
    assert len(set(people.tolist())) == len(people) == min(k, 9) and not set(people.tolist()) & set(free.tolist())
    of_yes = int((p[people] >= 0.5).sum())
    assert of_yes == min(max(min(k, 9) // 2, min(k, 9) - (9 - yes)), yes)


def test_one_side_alone_is_the_top() -> None:
    p = np.array([0.9, 0.6, 0.55, 0.8])
    assert quotas.sides(p, binary_entropy(p), 2)[0].tolist() == [2, 1]


def test_temporal_exclusion_fixture() -> None:
    scores, sequence, time = np.array([9.0, 8.0, 7.0, 6.0]), np.zeros(4, dtype=int), np.array([0.0, 1.0, 5.0, 6.0])
    none = np.zeros(4, dtype=bool)
    assert spacing.apart(scores, sequence, time, 2.0, 2, none).tolist() == [0, 2]
    assert spacing.apart(scores, sequence, time, 2.0, 4, none).tolist() == [0, 2, 1, 3]
    assert spacing.apart(scores, np.array([0, 1, 0, 0]), time, 2.0, 3, none).tolist() == [0, 1, 2]
    assert spacing.apart(scores, sequence, time, 2.0, 1, np.array([True, False, False, False])).tolist() == [1]
    # It looks back as well: a later frame with the higher score bars the one before it.
    assert spacing.apart(scores[::-1], sequence, time, 2.0, 2, none).tolist() == [3, 1]


def test_what_a_yes_implies_fixture() -> None:
    known = merging.Merging(4)
    known.tell(0, 1, True)
    known.tell(1, 2, True)
    assert known.implied(0, 2) is True and known.implied(0, 3) is None and known.groups() == [[0, 1, 2], [3]]
    known.tell(2, 3, False)
    assert known.implied(0, 3) is False and known.implied(1, 3) is False


@given(SEEDS)
def test_every_new_yes_joins_two_groups(seed: int) -> None:
    rng = stream(seed, 0, "oracle")
    truth, known = rng.integers(0, 3, size=8), merging.Merging(8)
    for _ in range(12):
        a, b = rng.integers(0, 8, size=2).tolist()
        before, said = len(known.groups()), known.implied(a, b)
        same = bool(truth[a] == truth[b])
        assert said in (None, same)
        known.tell(a, b, same)
        assert len(known.groups()) == before - (same and said is None) and known.implied(a, b) is same


def test_one_to_one_fixture() -> None:
    pairs = [(f"a{i}", f"b{j}") for i in range(1, 4) for j in range(1, 4)]
    refused = merging.one_to_one(("a1", "b1"), pairs)
    assert len(refused) == 4 and ("a1", "b1") not in refused and ("a2", "b2") not in refused


def test_reward_of_a_question_fixture() -> None:
    assert merging.pair_reward([0.6, 0.1], [0.5, 0.9], True) == pytest.approx(0.3)
    assert merging.pair_reward([0.6, 0.1], [0.5, 0.9], False) == pytest.approx(0.1)
    assert merging.pair_reward([0.9], [0.1], False) == 0.0


def test_latent_fixture() -> None:
    alternate = np.tile(np.eye(2), (5, 1))[None]
    assert latent.latent_spread(alternate) == pytest.approx([0.5])
    assert latent.latent_spread(np.ones((1, 7, 3))).tolist() == [0.0]
    unit = stream(0, 0, "oracle").normal(size=(3, 20, 6))
    unit /= np.linalg.norm(unit, axis=2, keepdims=True)
    np.testing.assert_allclose(latent.latent_spread(unit), 1 - np.square(unit.mean(axis=1)).sum(axis=1))


def test_concordance_fixture() -> None:
    one = np.array([1.0, 2.0, 3.0])
    assert latent.concordance(one, one + 1) == pytest.approx(0.571429, abs=1e-6)
    assert latent.concordance(one - 2, 2 - one) == pytest.approx(-1)
    assert latent.concordance(one, one) == pytest.approx(1) and latent.concordance(np.ones(3), np.ones(3)) == 1.0
    assert latent.concordance(one, np.full(3, 2.0)) == 0.0


def test_self_paced_fixture() -> None:
    assert pacing.linear_weights(np.array([0.2, 1.0, 3.0]), 2.0).tolist() == [0.9, 0.5, 0.0]
