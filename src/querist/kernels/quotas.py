"""How many to take from each group, and from which place in a ranking: shares with whole numbers, bins of scores, two sides of a line."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from querist.kernels.ranking import top_k


def largest_remainder(shares: Float[np.ndarray, " g"], k: int) -> Int[np.ndarray, " g"]:
    """Whole numbers that sum to k, in proportion to the shares: rounded down, then one more by remainder, ties to the lower group.

    Args:
        shares: ≥ 0; all 0 is an equal share for each.
        k: ≥ 0.
    """
    shares = np.asarray(shares, dtype=np.float64)
    total = float(shares.sum())
    exact = k * (shares / total if total > 0 else np.full(len(shares), 1.0 / max(len(shares), 1)))
    counts = np.floor(exact).astype(np.int64)
    counts[top_k(exact - counts, k - int(counts.sum()))] += 1
    return counts


def margin_quotas(average_margin: Float[np.ndarray, " c"], k: int) -> Int[np.ndarray, " c"]:
    """How many items to draw for each class, in proportion to 1 - its average margin p(1) - p(2): more where boxes are told apart badly.

    Reference:
        Lv et al. 2020, doi:10.3390/s20061650.
    """
    return largest_remainder(1.0 - np.asarray(average_margin, dtype=np.float64), k)


def cluster_quotas(sizes: Int[np.ndarray, " g"], k: int) -> Int[np.ndarray, " g"]:
    """At least 1 for every cluster that has members, else in proportion to size, and never more than there are; sums to min(k, n).

    With fewer places than clusters the largest ones get one each.

    Reference:
        Ostapuk, Yang & Cudré-Mauroux 2019 (ActiveLink): n_c = max(1, round(k · size / n)).
    """
    sizes = np.asarray(sizes, dtype=np.int64)
    k = min(k, int(sizes.sum()))
    there = np.flatnonzero(sizes > 0)
    counts = np.zeros(len(sizes), dtype=np.int64)
    if k <= len(there):
        counts[there[top_k(sizes[there].astype(np.float64), k)]] = 1
        return counts
    counts[there] = 1
    # Sainte-Laguë would do as well; the largest shortfall first keeps within one of the exact share.
    while (left := k - int(counts.sum())) > 0:
        short = np.where(counts < sizes, sizes * (k / sizes.sum()) - counts, -np.inf)
        counts[top_k(short, min(left, int((short > 0).sum()) or 1))] += 1
    return counts


def score_bins(scores: Float[np.ndarray, " n"], bins: int) -> Int[np.ndarray, " n"]:
    """Bin of each score, 0 the highest: bins of equal number by rank, ties to the lower row; never more bins than scores."""
    n = len(scores)
    bins = max(1, min(bins, n))
    place = np.empty(n, dtype=np.int64)
    place[top_k(scores, n)] = np.arange(n)
    return np.asarray(place * bins // max(n, 1))


def bin_draw(scores: Float[np.ndarray, " n"], bins: int, k: int, rng: np.random.Generator) -> Int[np.ndarray, " p"]:
    """Rows from the highest bins down, at random within a bin: all of a bin before any of the next (Roy's exploration).

    One bin draws uniformly; as many bins as scores is the plain top k; what is drawn first does not depend on k.

    Reference:
        Roy, Unmesh & Namboodiri 2018 (BMVC).
    """
    order = rng.permutation(len(scores))
    return np.asarray(order[np.argsort(score_bins(scores, bins)[order], kind="stable")][:k])


def histogram(scores: Float[np.ndarray, " n"], bins: int = 80) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " b"]]:
    """Bin of equal width of each score, 0 the lowest, and how many each holds; equal scores are all in bin 0."""
    wide = np.asarray(scores, dtype=np.float64)
    low, high = float(wide.min(initial=np.inf)), float(wide.max(initial=-np.inf))
    if not high > low:
        return np.zeros(len(wide), dtype=np.int64), np.bincount(np.zeros(len(wide), dtype=np.int64), minlength=bins)
    place = np.minimum(((wide - low) / (high - low) * bins).astype(np.int64), bins - 1)
    return place, np.bincount(place, minlength=bins)


def sides(p: Float[np.ndarray, " n"], uncertainty: Float[np.ndarray, " n"], k: int) -> tuple[Int[np.ndarray, " p"], Int[np.ndarray, " q"]]:
    """Choose k rows for people, half from those predicted yes and half from those predicted no, and as many free ones that the model is surest of.

    Args:
        p: Probability of yes.
        uncertainty: Of each row.
        k: How many people label; the second half is the larger one where k is odd.

    Returns:
        Rows for people: the most uncertain of each side in turn (likely false positives, likely false negatives), filled up from the other
        side where one is short. Free rows, disjoint from these: the least uncertain of each side, k // 2 each where there are so many.

    Reference:
        Kasai et al. 2019, arXiv 1906.08042.
    """
    yes, no = (side[top_k(uncertainty[side], len(side))] for side in (np.flatnonzero(p >= 0.5), np.flatnonzero(p < 0.5)))
    k = min(k, len(p))
    of_yes = min(max(k // 2, k - len(no)), len(yes))
    of_no = k - of_yes
    turns = np.argsort(np.concatenate([np.arange(of_yes), np.arange(of_no)]), kind="stable")
    people = np.concatenate([yes[:of_yes], no[:of_no]])[turns]
    sure = [side[taken:][::-1][: k // 2] for side, taken in ((yes, of_yes), (no, of_no))]
    return people, np.concatenate(sure)
