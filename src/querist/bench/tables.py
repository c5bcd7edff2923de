"""The study as a table for the terminal."""

from __future__ import annotations

from statistics import fmean, stdev

from rich.table import Table

from querist.bench.across import CellResult
from querist.bench.results import MethodResult, Study
from querist.bench.spec import BASELINE
from querist.bench.wording import duration, final_saving, interval, needed, needed_interval, percent, points, ranked, verdict_text

_STYLE = {"better": "green", "worse": "red", "equivalent": "cyan"}


def table(study: Study) -> Table:
    """One row a method, the baseline first, then best to worst."""
    title = f"{study.study}: {study.counted[0]:,} to {study.counted[-1]:,} labels, {study.measure} on the {study.split} split"
    grid = Table(title=title, title_justify="left", title_style="bold", header_style="bold", pad_edge=False)
    final = f"final {study.measure}"
    for name in ("method", "seeds", final, "mean over budget", "difference, points (95 %)", f"labels × {BASELINE} (95 %)", "verdict"):
        grid.add_column(name, justify="right" if name in ("seeds", final, "mean over budget") else "left", overflow="fold")
    grid.add_row(*_measured(BASELINE, study.methods[BASELINE]), "–", "1", "baseline")
    compared = ranked(study)
    for row in compared:
        saving = final_saving(study, row.method)
        ratio = "–" if saving is None else f"{needed(saving).removesuffix(' ×')} {_bracketed(needed_interval(saving))}".strip()
        difference = f"{points(row.difference)} {_bracketed(interval(row.low, row.high) if row.low is not None else '')}".strip()
        word = verdict_text(row, float(study.spec.get("margin", 0.005)))
        grid.add_row(*_measured(row.method, study.methods[row.method]), difference, ratio, word, style=_STYLE.get(row.verdict))
    for name in study.challengers:
        if name not in {row.method for row in compared}:
            grid.add_row(*_measured(name, study.methods[name]), "–", "–", "no finished pair of runs", style="red")
    return grid


BOUGHT = ("method", "every class seen", "ten of each", "of the rarest class", "balance", "near-duplicates")
"""Headings of `bought_rows`."""


def bought_rows(study: Study | CellResult) -> list[list[str]]:
    """What was bought, one line a method under `BOUGHT`: labels until every class was seen once and ten times, then shares."""
    return [
        [
            row.method,
            _until(row.every_class, row.every_class_missed, row.runs),
            _until(row.ten_each, row.ten_each_missed, row.runs),
            percent(row.rarest_recall),
            f"{row.balance:.3f}",
            "–" if row.near_duplicates is None else percent(row.near_duplicates),
        ]
        for row in study.bought
    ]


COSTS = ("method", "cost in", "spent", "random spent", "at equal cost", "verdict")
"""Headings of `cost_rows`."""


def cost_rows(study: Study) -> list[list[str]]:
    """Methods at equal cost, one line a method and unit under `COSTS`, in points of the metric."""
    return [
        [
            row.method,
            row.unit if row.factor == 1 else f"{row.unit}, each {row.factor:g} ×",
            f"{row.spent:,.0f}",
            f"{row.baseline_spent:,.0f}",
            _points(row.difference, row.low, row.high),
            f"{row.verdict} (n = {row.n})",
        ]
        for row in study.over_cost
    ]


def _points(difference: float, low: float | None, high: float | None) -> str:
    """A difference in points with its interval."""
    return points(difference) if low is None or high is None else f"{points(difference)} ({interval(low, high)})"


TRAINED = ("method", "labels", "one training", "on the whole pool", "chosen ÷ whole")
"""Headings of `trained_rows`."""


def trained_rows(study: Study) -> list[list[str]]:
    """Training on what was chosen against training on everything, one line a method under `TRAINED`."""
    lines = []
    for row in study.trained:
        own = ["not within the budget", "–"] if row.labels is None or row.seconds is None else [f"{row.labels:,}", duration(row.seconds)]
        share = "–" if row.seconds is None else f"{row.seconds / row.full_seconds:.2f} ×"
        lines.append([row.method, *own, f"{duration(row.full_seconds)} ({row.full_labels:,} labels)", share])
    return lines


def _until(labels: float | None, missed: int, runs: int) -> str:
    """Labels, and how many runs never came to it."""
    if labels is None:
        return f"never in {runs}"
    return f"{labels:,.0f}" + (f" (never in {missed} of {runs})" if missed else "")


def _measured(name: str, result: MethodResult) -> tuple[str, ...]:
    if not result.seeds:
        return name, "0", "–", "–"
    last = [curve[-1] for curve in result.curve]
    spread = f" ± {100 * stdev(last):.1f}" if len(last) > 1 else ""
    return name, str(len(result.seeds)), f"{percent(fmean(last))}{spread}", percent(fmean(result.aubc))


def _bracketed(text: str) -> str:
    return f"({text})" if text else ""
