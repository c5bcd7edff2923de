"""Is a data set worth it: real digits written five times, and wine, with few steps."""

from __future__ import annotations

import json

import pytest

from querist.bench.analysing import analyse
from querist.bench.analysis_page import check, html, markdown
from querist.bench.exploring_tables import analysis_sentence, redundancy_sentence
from querist.core.errors import UsageError
from querist.data.datasets import Entry, registry


@pytest.fixture(scope="module")
def repeated():
    entry = Entry("digits-five-times", "repeated_sets:digits_five_times", "classification", "uint8 image (8, 8)", "BSD-3-Clause", "scikit-learn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry._entries(), entry.name, entry)
        yield analyse(entry.name, learner={"recipe": "mlp", "steps": 6}, seeds=2)


@pytest.fixture(scope="module")
def wine():
    return analyse("wine", learner={"steps": 6}, seeds=2, mode="el2n")


def test_repetition_is_noticed(repeated, wine):
    # Some of the five copies are held out, so an item may stand alone in the pool; nearly all do not.
    assert repeated.redundant and repeated.inputs.copies > 0.95
    assert 55 <= repeated.inputs.distinct <= 62 < repeated.items == 240
    assert "repeats itself" in redundancy_sentence(repeated)
    assert not wine.redundant and wine.inputs.copies == 0 and "repeats itself" not in redundancy_sentence(wine)


def test_every_part_is_trained_on_and_the_whole_counts_once(repeated, wine):
    cells = {(row.family, row.share): row for row in wine.retention}
    assert {share: cells["random", share].items for family, share in cells if family == "random"} == {0.02: 3, 0.05: 7, 0.1: 14, 0.2: 28, 0.5: 71, 1.0: 142}
    assert all(len(row.accuracy) == 2 for row in (*wine.retention, *repeated.retention))
    assert {cells[family, 1.0].accuracy for family in ("random", "top", "spread", "bottom")} == {cells["random", 1.0].accuracy}
    assert cells["random", 1.0].of_full == 1 and wine.full_accuracy == pytest.approx(cells["random", 1.0].mean)
    assert ("spread", 0.5) not in cells and ("spread", 0.2) in cells
    assert {row.share for row in wine.comparisons} == {0.02, 0.05, 0.1, 0.2} and wine.finding.word == "not shown", "two seeds show nothing"


def test_the_same_seeds_give_the_same_analysis(wine):
    again = analyse("wine", learner={"steps": 6}, seeds=2, mode="el2n")
    assert again.retention == wine.retention and again.importance == wine.importance


def test_pages_say_what_was_found(repeated, tmp_path):
    plain = json.loads(json.dumps(repeated.plain(), allow_nan=False))
    assert {"dataset", "full_accuracy", "importance", "inputs", "features", "retention", "comparisons", "finding", "redundant", "thresholds"} <= set(plain)
    assert sum(plain["importance"]["histogram"]["counts"]) == 240 and plain["importance"]["agreement"] is not None
    page = html(repeated)
    assert page.count("<polyline") == 4 and "http" not in page
    for text in (analysis_sentence(repeated), redundancy_sentence(repeated)):
        assert text in markdown(repeated)
    with pytest.raises(UsageError):
        check(tmp_path / "page.pdf")


@pytest.mark.parametrize(("wrong", "says"), [({"mode": "norm"}, "importance"), ({"seeds": 0}, "seed"), ({"learner": {"recipe": "mpl"}}, "mpl")])
def test_refusals(wrong, says):
    with pytest.raises(UsageError, match=says):
        analyse("wine", **wrong)
