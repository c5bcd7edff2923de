import io
import re
from dataclasses import replace

import pytest
from rich.console import Console
from test_analysis import records, spec_of

from querist.bench.report import html
from querist.bench.results import Failure, Saturation, Study, Void
from querist.bench.study import conclude, write
from querist.bench.tables import table
from querist.bench.wording import duration, p_value, points, sentence
from querist.core.errors import UsageError

LIFTS = {"margin": 0.1, "coreset": -0.1, "my<module>:Own": 0.0005}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    spec = spec_of(*LIFTS)
    failures = [Failure(method="margin", seed=9, error="TrainingError: <the loss> is not finite")]
    return conclude(spec, records(spec, LIFTS), failures, out=tmp_path_factory.mktemp("study"), command="querist run digits", wall_seconds=75)


@pytest.fixture(scope="module")
def page(study):
    return html(study)


def test_the_page_stands_alone(page):
    assert not re.search(r"https?:|//[a-z]|<script|<link|@import|url\((?!#)|src=", page, flags=re.I)
    assert page.count("<svg") == page.count("</svg>") == 5
    assert "<?xml" not in page and "<!DOCTYPE svg" not in page


def test_the_page_holds_every_method_the_verdicts_and_the_failures(page, study):
    for name in ("random", "margin", "coreset", "my&lt;module&gt;:Own"):
        assert f"</span>{name}</td>" in page
    assert "my<module>" not in page and "<the loss>" not in page
    assert '<td class="words better">better</td>' in page and '<td class="words worse">worse</td>' in page
    assert "&lt;the loss&gt; is not finite" in page
    assert study.spec_sha256 in page and "querist run digits" in page and "1 min 15 s" in page


def test_the_page_is_the_same_every_time(page, study):
    assert html(study) == page


def test_the_sentence_says_what_was_measured_and_names_the_loser(study):
    text = sentence(study)
    final = next(row for row in study.label_saving if row.method == "margin" and row.fraction == 1.0)
    assert text.startswith(f"margin needed {1 / final.ratio:.2f} × the labels of random to reach its final accuracy of {100 * final.at:.1f} %")
    assert f"95 % interval {1 / final.high:.2f} to {1 / final.low:.2f}" in text
    assert "Verdict: better" in text
    assert "Worse than random: coreset (−" in text


def test_a_study_whose_best_method_lost_says_so(tmp_path):
    spec = spec_of("coreset")
    text = sentence(conclude(spec, records(spec, {"coreset": -0.2}), [], out=tmp_path))
    assert text.startswith("coreset did not reach the final accuracy of random")
    assert "Verdict: worse" in text and "better" not in text


def test_few_seeds_get_no_verdict_in_words_and_table(tmp_path):
    spec = spec_of("margin", seeds=3)
    study = conclude(spec, records(spec, {"margin": 0.1}), [], out=tmp_path)
    assert "no interval" in sentence(study) and "Verdict: none with n = 3" in sentence(study)
    assert "n = 3: no verdict" in printed(study)
    assert "n = 3: no verdict" in html(study)


def printed(study, width=140):
    console = Console(file=io.StringIO(), width=width, no_color=True)
    console.print(table(study))
    return console.file.getvalue()


def test_the_table_has_a_row_a_method_best_first(study):
    first_cells = [line.split("│")[1].strip() for line in printed(study).splitlines() if line.startswith("│")]
    assert first_cells == ["random", "margin", "my<module>:Own", "coreset"]


def test_the_baseline_alone_and_no_run_at_all_make_a_report(tmp_path):
    spec = spec_of()
    alone = conclude(spec, records(spec, {}), [], out=tmp_path)
    assert sentence(alone).startswith("random reached 79.8 % with 40 labels") and "nothing to compare" in sentence(alone)
    empty = conclude(spec, [], [Failure(method="random", seed=0, error="x")], out=tmp_path)
    assert sentence(empty) == "No run finished."
    for study in (alone, empty):
        assert "<svg" in html(study) and "random" in printed(study)


def test_a_written_study_opens_again(study, tmp_path):
    write(study, [], tmp_path)
    assert Study.open(tmp_path) == study == Study.open(tmp_path / "study.json")
    with pytest.raises(UsageError, match="no study"):
        Study.open(tmp_path / "none")
    (tmp_path / "study.json").write_text("{}")
    with pytest.raises(UsageError, match="not the record of a study"):
        Study.open(tmp_path)


def test_numbers_in_words():
    assert [points(0.0192), points(-0.004), points(0.0), points(-0.00001)] == ["+1.92", "−0.40", "0.00", "0.00"]
    assert [p_value(None), p_value(0.0004), p_value(0.0131), p_value(1.0)] == ["–", "< .001", ".013", "1.000"]
    assert [duration(3.21), duration(42.4), duration(200), duration(7500)] == ["3.2 s", "42 s", "3 min 20 s", "2 h 05 min"]


@pytest.mark.filterwarnings("error")
def test_of_many_methods_the_best_and_the_worst_are_named(tmp_path):
    lifts = {f"m{place:02d}": 0.01 * (place - 15) for place in range(30)}
    spec = spec_of(*lifts)
    page = html(conclude(spec, records(spec, lifts), [], out=tmp_path))
    curves = page[page.index('aria-label="Learning curves') :].split("</svg>")[0]
    assert curves.startswith('aria-label="Learning curves of random, m29, m28, m27, m26, m25, m01, m00 and, in grey, 23 more"')
    assert "m29 (" in curves and "m10 (" not in curves


def test_what_is_void_what_was_checked_and_where_random_is_saturated_is_said(tmp_path):
    spec = spec_of("margin").model_copy(update={"metric": "balanced_accuracy"})
    made = [
        replace(run, rounds=tuple(replace(row, metrics={"balanced_accuracy": row.metrics["accuracy"]}) for row in run.rounds))
        for run in records(spec, {"margin": 0.1})
    ]
    study = conclude(spec, made, [], out=tmp_path, marks=[Void(check="rule", reason="broken <rule>", method="margin", seed=2)])
    saturated = Saturation(labels=1437, seeds=[0], values=[0.98], share=0.99, beyond=spec.budgets[-1])
    opened = [{"date": "2030-01-01", "commit": "abc", "study": "x"}]
    page = html(study.model_copy(update={"saturation": saturated, "opened": opened}))
    assert study.methods["random"].metric == "balanced_accuracy" and "balanced accuracy on the development split" in page
    assert "margin seed 2 (rule: broken &lt;rule&gt;)" in page and "seeds join by id" in page
    assert f"From {spec.budgets[-1]:,} labels on random has 99" in page and "2030-01-01, commit abc" in page


def test_labels_that_tuned_the_recipe_are_on_the_axis_and_in_the_words(tmp_path):
    spec = spec_of("margin", tuning_labels=1000, track="strong")
    study = conclude(spec, records(spec, {"margin": 0.1}), [], out=tmp_path)
    page, text = html(study), sentence(study)
    assert "1,010 to 1,040 labels, 1,000 of them for tuning" in page and "strong track" in page and "labels, 1,000 of them for tuning</text>" in page
    assert "<th>1,020 labels</th>" in page and "With 1,040 labels margin reached" in text
    assert "Labels include the 1,000 that tuned the recipe" in text and "1,010 to 1,040 labels" in printed(study)
    plain = html(conclude(spec_of("margin"), records(spec_of("margin"), {}), [], out=tmp_path))
    assert "tuning" not in plain.partition("<h2>How it was made")[0] and "strong track" not in plain
