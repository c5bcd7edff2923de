"""How often the printed statistics are wrong: coverage of the 95 % interval, and claims where there is nothing to claim.

Real distributions are the areas of the baseline's seeds in the recorded studies with at least 20 of them (`digits`, `digits-dear`), drawn with
replacement. Two draws are two copies of one method, so the true difference is zero. Measured over 40,000 draws: normal 95.2, 95.1, 94.9 %
for n = 5, 10, 20; `digits` 94.8, 94.6, 95.0 %; `digits-dear` 95.2, 94.9, 94.9 %.
"""

from pathlib import Path

import numpy as np
import pytest

from querist.bench.analysis import compare
from querist.bench.results import MethodResult, Seconds, Study
from querist.bench.spec import BASELINE
from querist.bench.statistics import LEAST_SEEDS, MARGIN, paired_t, shared_seeds

scipy_stats = pytest.importorskip("scipy.stats")

RESULTS = Path(__file__).parents[2] / "docs" / "results"
REAL = ("digits", "digits-dear")
SIZES = (5, 10, 20)


def areas(source):
    found = np.array(Study.open(RESULTS / source).methods[BASELINE].aubc)
    assert len(found) >= 20
    return found


def draws(source, shape, rng):
    return rng.normal(0.85, 0.01, shape) if source == "normal" else rng.choice(areas(source), shape)


def intervals(d):
    """The paired t interval of every row of (m, n) differences: `paired_t` at once."""
    n = d.shape[-1]
    half = scipy_stats.t.ppf(0.975, n - 1) * d.std(axis=-1, ddof=1) / n**0.5
    return d.mean(axis=-1) - half, d.mean(axis=-1) + half


def printed(ours, theirs):
    found = paired_t(dict(enumerate(ours)), dict(enumerate(theirs)))
    return found.low, found.high


@pytest.mark.parametrize("source", ["normal", *REAL])
@pytest.mark.parametrize("n", SIZES)
def test_the_95_percent_interval_covers_between_93_and_97_percent(source, n):
    ours, theirs = draws(source, (2, 20_000, n), np.random.default_rng(n))
    low, high = intervals(ours - theirs)
    for row in range(3):
        assert printed(ours[row], theirs[row]) == pytest.approx((low[row], high[row]))
    assert 0.93 <= ((low <= 0) & (high >= 0)).mean() <= 0.97


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("source", ["normal", *REAL])
@pytest.mark.parametrize("n", SIZES)
def test_the_interval_as_printed_covers_between_93_and_97_percent(source, n):
    ours, theirs = draws(source, (2, 3000, n), np.random.default_rng(100 + n))
    ends = np.array([printed(a, b) for a, b in zip(ours, theirs, strict=True)])
    assert 0.93 <= ((ends[:, 0] <= 0) & (ends[:, 1] >= 0)).mean() <= 0.97


def coverage_of_resamples(d, n, rng, rows=3000):
    low, high = intervals(rng.choice(d, (rows, n)))
    return ((low <= d.mean() + 1e-12) & (high >= d.mean() - 1e-12)).mean()


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
def test_real_paired_differences_cover_as_well_as_so_few_values_allow(n):
    """Method − baseline of `digits`: ten seeds, hence ten values to draw from, and that is the limit of what they can show.

    Over the eight methods the interval holds the mean of the ten in 91.7, 93.7 and 94.5 % for n = 5, 10, 20 (the worst method 87.4 % at n = 5).
    Ten values drawn from a normal distribution and treated alike give 92.8, 93.9 and 94.4 % (the worst of 150: 82 %): the shortfall is that of
    drawing from ten values, not of the seeds' distribution. It takes 40 recorded pairs before this check can demand 93 % at n = 5.
    """
    study, rng = Study.open(RESULTS / "digits"), np.random.default_rng(n)
    base = dict(zip(study.methods[BASELINE].seeds, study.methods[BASELINE].aubc, strict=True))
    real = []
    for name in study.challengers:
        ours = dict(zip(study.methods[name].seeds, study.methods[name].aubc, strict=True))
        seeds = shared_seeds(ours, base)
        assert len(seeds) == 10
        real.append(coverage_of_resamples(np.array([ours[seed] - base[seed] for seed in seeds]), n, rng))
    normal = [coverage_of_resamples(rng.normal(size=10), n, rng) for _ in range(150)]
    # The mean over eight methods, within what eight such samples of a normal distribution scatter by.
    assert np.mean(real) > np.mean(normal) - 3 * np.std(normal) / 8**0.5


def copies_of_the_baseline(source, copies, n, rng):
    """A study whose methods are all the baseline under other names; the baseline has twice the seeds, as in every study."""
    rows = draws(source, (copies + 2, n), rng)
    values = {BASELINE: rows[:2].reshape(-1), **{f"copy_{i}": row for i, row in enumerate(rows[2:])}}
    return {name: MethodResult(seeds=list(range(len(row))), metric="accuracy", curve=[], aubc=row.tolist(), seconds=Seconds()) for name, row in values.items()}


def false_claims(studies):
    """Studies with a `better` or `worse` anywhere, and the share of comparisons that say `equivalent`.

    Only the first is an error: two copies of one method *are* equivalent, and the more seeds the more often that is shown.
    """
    rows = [compare(study, MARGIN) for study in studies]
    words = [row.verdict for found in rows for row in found]
    wrong = [any(row.verdict in ("better", "worse") for row in found) for found in rows]
    return np.array(wrong), words.count("equivalent") / len(words)


def rule(base, copies):
    """`compare` at once for (m, n) baselines and (m, k, n) copies: where Holm's first step passes, somebody is called better or worse."""
    d = copies - base[:, None]
    n = d.shape[-1]
    t = np.abs(d.mean(axis=-1)) / np.maximum(d.std(axis=-1, ddof=1) / n**0.5, 1e-300)
    return (2 * scipy_stats.t.sf(t, n - 1)).min(axis=-1) * d.shape[1] < 0.05


def test_the_rule_at_once_is_the_rule_of_compare():
    rng = np.random.default_rng(8)
    studies = [copies_of_the_baseline(source, 2, 5, rng) for source in ("normal", *REAL) for _ in range(20)]
    for study in studies[::4]:  # some with a true gain, so that both answers occur
        lifted = study["copy_1"]
        study["copy_1"] = lifted.model_copy(update={"aubc": [value + 0.02 for value in lifted.aubc]})
    base = np.array([study[BASELINE].aubc[:5] for study in studies])
    copies = np.array([[study[f"copy_{i}"].aubc for i in range(2)] for study in studies])
    wrong, _ = false_claims(studies)
    assert wrong.tolist() == rule(base, copies).tolist()
    assert 0 < wrong.sum() < len(wrong)


@pytest.mark.parametrize("source", ["normal", *REAL])
@pytest.mark.parametrize("copies", [2, 5, 10])
def test_copies_of_the_baseline_are_told_apart_in_at_most_six_percent_of_studies(source, copies):
    """Family-wise over all comparisons of a study, for n = 5, 10, 20. Measured over 20,000 studies: 3.7 to 5.1 %."""
    rng = np.random.default_rng(copies)
    for n in SIZES:
        assert n >= LEAST_SEEDS
        rows = draws(source, (8000, copies + 1, n), rng)
        assert rule(rows[:, 0], rows[:, 1:]).mean() <= 0.06


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize(
    ("source", "copies", "n"), [("normal", 2, 10), ("digits", 2, 5), ("digits", 2, 10), ("digits", 5, 10), ("digits-dear", 2, 10), ("digits-dear", 2, 20)]
)
def test_two_thousand_null_studies_through_compare(source, copies, n):
    rng = np.random.default_rng([copies, n])
    wrong, equivalent = false_claims([copies_of_the_baseline(source, copies, n, rng) for _ in range(2000)])
    print(f"{source}, {copies} copies, {n} seeds: told apart in {100 * wrong.mean():.2f} % of studies, equivalent in {100 * equivalent:.1f} % of comparisons")
    assert wrong.mean() <= 0.06
