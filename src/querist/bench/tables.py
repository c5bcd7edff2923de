"""The study as a table for the terminal."""

from __future__ import annotations

from statistics import fmean, stdev

from rich.table import Table

from querist.bench.results import MethodResult, Study
from querist.bench.spec import BASELINE
from querist.bench.wording import final_saving, interval, needed, needed_interval, percent, points, ranked, verdict_text

_STYLE = {"better": "green", "worse": "red", "equivalent": "cyan"}


def table(study: Study) -> Table:
    """One row a method, the baseline first, then best to worst."""
    title = f"{study.study}: {study.counted[0]:,} to {study.counted[-1]:,} labels, {study.measure} on the {study.split} split"
    grid = Table(title=title, title_justify="left", title_style="bold", header_style="bold", pad_edge=False)
    for name in ("method", "seeds", "final accuracy", "mean over budget", "difference, points (95 %)", f"labels × {BASELINE} (95 %)", "verdict"):
        grid.add_column(name, justify="right" if name in ("seeds", "final accuracy", "mean over budget") else "left", overflow="fold")
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


def _measured(name: str, result: MethodResult) -> tuple[str, ...]:
    if not result.seeds:
        return name, "0", "–", "–"
    last = [curve[-1] for curve in result.curve]
    spread = f" ± {100 * stdev(last):.1f}" if len(last) > 1 else ""
    return name, str(len(result.seeds)), f"{percent(fmean(last))}{spread}", percent(fmean(result.aubc))


def _bracketed(text: str) -> str:
    return f"({text})" if text else ""
