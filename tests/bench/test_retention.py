"""Verdicts on subsets, the Gini coefficient, and how much a cloud of points repeats itself: by hand."""

from __future__ import annotations

import numpy as np
import pytest

from querist.bench.redundancy import effective_rank, redundancy
from querist.bench.retention import Kept, contrasts, finding, gini, sizes

NOISE = (-0.002, -0.001, 0.0, 0.001, 0.002)


def kept(**accuracy):
    """Family → accuracy at 10 % and 20 %; the full accuracy is 0.9."""
    rows = []
    for family, (ten, twenty) in accuracy.items():
        for share, mean in ((0.1, ten), (0.2, twenty)):
            values = tuple(mean + jitter for jitter in (NOISE if family == "random" else NOISE[::-1]))
            rows.append(Kept(family, share, int(1000 * share), values, mean / 0.9))
    return rows


@pytest.mark.parametrize(
    ("rows", "word", "share", "best"),
    [
        (kept(random=(0.7, 0.8), top=(0.6, 0.85), spread=(0.71, 0.8)), "worth it", 0.2, "top"),
        (kept(random=(0.7, 0.8), top=(0.6, 0.85), spread=(0.8, 0.83)), "worth it", 0.2, "top"),
        (kept(random=(0.7, 0.8), top=(0.6, 0.75), spread=(0.8, 0.8)), "worth it", 0.1, "spread"),
        (kept(random=(0.7, 0.8), top=(0.6, 0.7), spread=(0.70, 0.802)), "no small sufficient subset", 0.2, "spread"),
        (kept(random=(0.7, 0.895), top=(0.6, 0.7), spread=(0.70, 0.896)), "not shown", 0.2, "spread"),
        (kept(random=(0.7, 0.885), top=(0.6, 0.893), spread=(0.70, 0.88)), "not shown", 0.2, "top"),
    ],
)
def test_verdicts(rows, word, share, best):
    found = finding(rows, contrasts(rows))
    assert (found.word, found.share, found.best) == (word, share, best)
    assert found.difference == pytest.approx(0.9 * (found.best_of_full - found.random_of_full))


def test_few_seeds_show_nothing():
    few = [Kept(row.family, row.share, row.items, row.accuracy[:4], row.of_full) for row in kept(random=(0.7, 0.8), top=(0.8, 0.9))]
    assert finding(few, contrasts(few)).word == "not shown"


def test_sizes_grow_to_the_pool_with_an_item_a_class():
    assert sizes(1000, 10) == {0.01: 10, 0.02: 20, 0.05: 50, 0.1: 100, 0.2: 200, 0.5: 500, 1.0: 1000}
    assert sizes(142, 3) == {0.02: 3, 0.05: 7, 0.1: 14, 0.2: 28, 0.5: 71, 1.0: 142}


def test_gini():
    assert gini(np.ones(7)) == pytest.approx(0) and gini(np.zeros(3)) == 0
    assert gini(np.array([0.0, 0.0, 0.0, 5.0])) == pytest.approx(0.75)


def test_copies_and_near_copies_are_found_whatever_the_offset():
    x = np.random.default_rng(0).normal(size=(60, 5)) + 1000.0
    apart = redundancy(x, np.random.default_rng(1))
    assert apart.near_duplicates == apart.copies == 0 and apart.distinct == 60 and apart.nearest[0] > 0.1
    copied = redundancy(np.tile(x, (5, 1)).astype(np.float32), np.random.default_rng(1))
    assert (copied.copies, copied.near_duplicates) == (1.0, 1.0) and copied.distinct == pytest.approx(60)
    noisy = redundancy(np.concatenate([x, x + np.random.default_rng(2).normal(size=x.shape) * 0.01]), np.random.default_rng(1))
    assert noisy.copies == 0 and noisy.near_duplicates == 1 and noisy.distinct == pytest.approx(60)
    assert redundancy(x, np.random.default_rng(1), sample=10).sampled == 10


def test_a_brute_force_twin_agrees():
    x = np.random.default_rng(3).normal(size=(40, 3))
    gaps = np.linalg.norm(x[:, None] - x, axis=-1)
    np.fill_diagonal(gaps, np.inf)
    found = redundancy(x, np.random.default_rng(0), near=0.3)
    assert np.array(found.nearest) * found.scale == pytest.approx(np.quantile(gaps.min(axis=1), (0.1, 0.5, 0.9)))
    assert found.near_duplicates == pytest.approx(np.mean(gaps.min(axis=1) <= 0.3 * found.scale))
    assert found.distinct == pytest.approx(40 * np.mean(1 / (1 + (gaps <= 0.3 * found.scale).sum(axis=1))))


def test_effective_rank_counts_directions():
    rng = np.random.default_rng(0)
    assert effective_rank(rng.normal(size=(5000, 4))) == pytest.approx(4, abs=0.05)
    assert effective_rank(np.outer(rng.normal(size=50), np.ones(9))) == pytest.approx(1)
    wide = rng.normal(size=(20, 300))
    assert effective_rank(wide) == pytest.approx(effective_rank(np.hstack([wide, np.zeros((20, 50))])))
    assert effective_rank(np.ones((5, 2))) == 0
