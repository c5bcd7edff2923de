import io

from rich.console import Console

from querist.bench.progress import Standing, progress
from querist.bench.spec import StudySpec

SPEC = StudySpec.of({"dataset": "digits", "methods": ["margin"], "seeds": 1, "baseline_factor": 1, "initial": 10, "batch": 10, "budget": 30, "workers": 2})


def a_round(method, labels, seconds=2.0, accuracy=0.5):
    return {"event": "round", "method": method, "seed": 0, "labels": labels, "accuracy": accuracy, "seconds": seconds}


def test_time_left_counts_what_every_budget_cost_over_the_workers():
    standing = Standing(SPEC)
    assert standing.left() is None
    standing.take(a_round("random", 10, seconds=2.0))
    standing.take(a_round("random", 20, seconds=4.0))
    # random lacks 30 labels (taken as 4 s, the latest known), margin 10, 20 and 30 (2 + 4 + 4 s), over two workers.
    assert standing.left() == (4 + 2 + 4 + 4) / 2
    for labels in (10, 20, 30):
        standing.take(a_round("margin", labels, seconds=4.0 if labels > 10 else 2.0))
    standing.take({"event": "done", "method": "margin", "seed": 0})
    assert standing.left() == 4.0  # one run is left, and one worker at work
    assert standing.rounds == 5


def test_a_method_shows_its_newest_mean():
    standing = Standing(SPEC)
    assert standing.line("margin") == "–"
    standing.take(a_round("margin", 10, accuracy=0.5))
    standing.take(a_round("margin", 20, accuracy=0.75))
    assert standing.line("margin") == "75.0 % at 20 labels (1 seed)"


def lines_of(**options):
    console = Console(file=io.StringIO(), width=200, **options)
    with progress(SPEC, console=console) as emit:
        for event in (
            a_round("margin", 10),
            {"event": "done", "method": "margin", "seed": 0},
            {"event": "failed", "method": "random", "seed": 0, "error": "[no] memory", "trace": ""},
        ):
            emit(event)
    return console.file.getvalue()


def test_without_a_terminal_every_run_that_ends_is_one_plain_line():
    text = lines_of(force_terminal=False)
    assert text.splitlines() == ["[1/2] margin seed 0: 50.0 % at 10 labels (1 seed), about 6 s left", "[2/2] random seed 0: failed: [no] memory"]


def test_on_a_terminal_there_is_a_live_table_of_the_methods():
    text = lines_of(force_terminal=True, force_interactive=True)
    assert "1/2 runs" in text and "1 failed" in text


def test_quiet_is_silent(capfd):
    with progress(SPEC, quiet=True) as emit:
        emit(a_round("margin", 10))
    assert capfd.readouterr() == ("", "")
