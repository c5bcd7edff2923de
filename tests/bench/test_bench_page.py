"""The page of a bench: ranks, verdicts, losers named, and nothing that a cell that is void may claim."""

import re

import pytest
from test_together import cell, comparison

from querist.bench.across import Bench
from querist.bench.bench_page import difference, html, markdown, sentence
from querist.bench.project_report import write
from querist.bench.results import Bought, Check, Failure, Void
from querist.bench.together import together
from querist.core.errors import UsageError

SETS = ("digits", "wine", "iris", "segment", "letter")
VERDICTS = [("margin", "better"), ("coreset", "worse")]


def bench_of(*cells, **changes):
    named = {one.cell: one for one in cells}
    record = {"bench": "five <sets>", "spec_sha256": "c0ffee", "final": False, "opened": [], "checks": [], "void": [], "environment": {}, **changes}
    return Bench(cells=named, together=together(named), **record)


@pytest.fixture(scope="module")
def bench():
    lifts = (0.05, 0.06, 0.07, 0.05, 0.06)
    areas = [{"random": 0.5, "margin": 0.5 + lift, "coreset": 0.5 - lift / 2} for lift in lifts]
    cells = [cell(name, area, VERDICTS, seeds=range(5)) for name, area in zip(SETS, areas, strict=True)]
    cells[0] = cells[0].model_copy(update={"failures": [Failure(method="margin", seed=9, error="StatisticError: <nan>")]})
    return bench_of(*cells, checks=[Check(name="seeds join by id", verdict="holds", detail="all of them")])


def test_the_mean_difference_weighs_data_sets_alike_and_has_an_interval_from_four_on(bench):
    found = difference(bench, "margin")
    assert found.difference == pytest.approx(0.058) and found.sets == 5 and found.low < 0.058 < found.high
    assert difference(bench_of(*list(bench.cells.values())[:3]), "margin").low is None
    assert difference(bench, "nobody") is None


def test_the_sentence_names_the_first_and_the_losers(bench):
    text = sentence(bench)
    assert text.startswith("margin has the best mean rank of 3 methods over 5 data sets: 1.00, +5.80 points of mean accuracy over the budget on average (95 %")
    assert "better than random in 5 of 5 cells and worse in 0" in text and text.endswith("Worse than random somewhere: coreset (5).")


def test_the_page_stands_alone_and_says_everything(bench):
    page = html(bench)
    assert not re.search(r"https?:|//[a-z]|<script|<link|@import|src=", page, flags=re.I)
    assert "five &lt;sets&gt;" in page and "<sets>" not in page and "&lt;nan&gt;" in page
    assert page.count("<svg") == page.count("</svg>") == len(bench.together.groups) >= 1
    assert page.count("<td>1.00</td>") >= 1 and 'href="wine/report.html"' in page and "seeds join by id: holds (all of them)" in page
    assert html(bench) == page


def test_markdown_has_the_same_numbers(bench):
    text = markdown(bench)
    assert "| margin | 1.00 | +5.80 (" in text and "| digits | coreset | 5 |" in text and text.count("| worse |") == 5 + 1
    assert "- seeds join by id: holds (all of them)" in text


def test_a_void_cell_claims_nothing():
    bad = cell("wine", {"random": 0.5, "margin": 0.9}, [("margin", "better")], void=[Void(check="x", reason="y", cell="wine")])
    bench = bench_of(cell("digits", {"random": 0.5, "margin": 0.6}, [("margin", "better")]), bad, void=bad.void)
    assert difference(bench, "margin").difference == pytest.approx(0.1)
    assert ">void</td>" in html(bench) and "| wine | margin | 5 | 0.00 (–) | – | void |" in markdown(bench)
    assert "wine, all methods: x: y" in html(bench)


def test_a_bench_of_which_nothing_is_ranked_says_so():
    lonely = bench_of(
        cell("digits", {"random": 0.5}), cell("wine", {"random": 0.5, "margin": 0.6}).model_copy(update={"comparisons": [comparison("margin", "no verdict")]})
    )
    assert "No method is worse than random anywhere" in sentence(lonely) and "<h1>" in html(lonely)


def test_querist_report_makes_the_page_again(bench, tmp_path):
    (tmp_path / "bench.json").write_text(bench.model_dump_json())
    file = write(str(tmp_path), None)
    assert file == tmp_path / "report.html" and file.read_text() == html(bench)
    (tmp_path / "bench.json").write_text("{}")
    with pytest.raises(UsageError, match="not the record of a bench"):
        write(str(tmp_path), None)


def test_what_was_bought_stands_in_every_cell_that_says_so(bench):
    rows = [
        Bought(
            method=name, runs=5, every_class=seen, every_class_missed=0, ten_each=None, ten_each_missed=5, rarest="<rare>", rarest_recall=recall, balance=0.9,
            near_duplicates=None,
        )
        for name, seen, recall in (("random", 31.0, 0.1), ("margin", 22.5, 0.25))
    ]  # fmt: skip
    cells = [one.model_copy(update={"bought": rows}) if name == "wine" else one for name, one in bench.cells.items()]
    made = bench_of(*cells)
    page, text = html(made), markdown(made)
    assert "What was bought" in page and "What was bought" in text
    assert text.count("| wine | margin | ") == 2 and "| wine | margin | 22" in text and "| 25.0 % |" in text
    assert "What was bought" not in html(bench) and "What was bought" not in markdown(bench)
