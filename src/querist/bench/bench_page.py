"""A bench as one HTML file that needs nothing else, and as Markdown: ranks, verdicts of every cell, who beats whom, what was checked."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment
from markupsafe import Markup

from querist.bench.across import Bench, CellResult
from querist.bench.bench_tables import void_text
from querist.bench.figures_ranks import critical_difference
from querist.bench.hierarchy import AcrossSets, across_sets, paired_differences
from querist.bench.report import style
from querist.bench.spec import BASELINE
from querist.bench.tables import BOUGHT, bought_rows
from querist.bench.wording import interval, needed, needed_interval, p_value, points
from querist.data.datasets import base_name

_RESAMPLES = 21
"""Root of the resampling stream: the same record gives the same page everywhere."""

HEADS = ("method", "mean rank", "difference from random, points (95 %)", "better", "equivalent", "undecided", "worse")


def html(bench: Bench) -> str:
    """The page of a bench.

    Raises:
        MissingExtraError: without matplotlib.
    """
    environment = Environment(autoescape=True, trim_blocks=True)
    environment.globals.update({function.__name__: function for function in (interval, needed, needed_interval, p_value, points, void_text)})
    template = environment.from_string(files("querist.bench").joinpath("bench_page.html.j2").read_text(encoding="utf-8"))
    savings = {(name, row.method): row for name, cell in bench.cells.items() for row in cell.label_saving if row.fraction == 1.0}
    page: str = template.render(
        bench=bench,
        baseline=BASELINE,
        style=Markup(style()),
        sentence=sentence(bench),
        heads=HEADS,
        rows=rows(bench),
        figures=_figures(bench),
        savings=savings,
        failures=[(name, failure) for name, cell in bench.cells.items() for failure in cell.failures],
        checks=_checks(bench),
        bought=(("cell", *BOUGHT), _bought(bench)),
    )
    return page


def markdown(bench: Bench) -> str:
    """The same in Markdown, without figures."""
    cells = [
        [name, row.method, str(row.n), f"{points(row.difference)} ({interval(row.low, row.high)})", p_value(row.p), row.verdict if cell.counts else "void"]
        for name, cell in bench.cells.items()
        for row in cell.comparisons
    ]
    lines = [f"# {bench.bench}", "", sentence(bench), ""]
    lines += ["## Over data sets", "", *grid(HEADS, rows(bench)), ""] if bench.together.ranking else []
    lines += ["## Every comparison with random", "", *grid(("cell", "method", "seeds", "difference, points (95 %)", "p", "verdict"), cells), ""]
    bought = _bought(bench)
    lines += ["## What was bought", "", *grid(("cell", *BOUGHT), bought), ""] if bought else []
    lines += ["## What was checked", "", *(f"- {where}{check.name}: {check.verdict} ({check.detail})" for where, check in _checks(bench)), ""]
    lines += [f"- void: {void_text(mark)}" for mark in bench.void]
    return "\n".join(lines).rstrip() + "\n"


def sentence(bench: Bench) -> str:
    """What may be said of the method of best mean rank, and who lost somewhere."""
    found = bench.together
    tallies = {row.method: row for row in found.tallies}
    losers = [f"{row.method} ({row.losses})" for row in found.tallies if row.losses]
    lost = f" Worse than {BASELINE} somewhere: {', '.join(losers)}." if losers else f" No method is worse than {BASELINE} anywhere."
    first = next((row for row in found.ranking if row.method != BASELINE), None)
    if first is None:
        return f"{len(bench.cells)} cells; no two methods have runs in all of them, so nothing is ranked.{lost}"
    tally, spread = tallies[first.method], difference(bench, first.method)
    sets = f"{len(found.data_sets)} data set{'s' if len(found.data_sets) > 1 else ''}"
    known = "" if spread is None else f", {points(spread.difference)} points of mean accuracy over the budget on average"
    known += f" (95 % {interval(spread.low, spread.high)})" if spread is not None and spread.low is not None else ""
    alike = all(any({first.method, BASELINE} <= set(clique) for clique in group.cliques) for group in found.groups)
    known += f"; the ranks alone do not tell it from {BASELINE}" if alike else ""
    rank = f"{first.method} has the best mean rank of {len(found.ranking)} methods over {sets}: {first.mean_rank:.2f}{known}."
    return f"{rank} It is better than {BASELINE} in {tally.wins} of {len(bench.cells)} cells and worse in {tally.losses}.{lost}"


def difference(bench: Bench, method: str) -> AcrossSets | None:
    """Mean difference from the baseline over data sets, each weighing the same; None where the method never met it."""
    groups: dict[str, list[float]] = {}
    for cell in bench.cells.values():
        if cell.counts and {method, BASELINE} <= set(cell.methods):
            ours, theirs = (dict(zip(cell.methods[name].seeds, cell.methods[name].aubc, strict=True)) for name in (method, BASELINE))
            groups.setdefault(base_name(cell.dataset), []).extend(paired_differences(ours, theirs))
    groups = {name: values for name, values in groups.items() if values}
    return across_sets(groups, np.random.Generator(np.random.PCG64(_RESAMPLES))) if groups else None


def rows(bench: Bench) -> list[list[str]]:
    """One line per ranked method under `HEADS`."""
    tallies = {row.method: row for row in bench.together.tallies}
    lines = []
    for row in bench.together.ranking:
        tally = tallies.get(row.method)
        if tally is None:
            lines.append([row.method, f"{row.mean_rank:.2f}", *["–"] * 5])
            continue
        spread = difference(bench, row.method)
        known = "–" if spread is None else points(spread.difference) + (f" ({interval(spread.low, spread.high)})" if spread.low is not None else "")
        lines.append([row.method, f"{row.mean_rank:.2f}", known, *(str(count) for count in (tally.wins, tally.ties, tally.undecided, tally.losses))])
    return lines


def _bought(bench: Bench) -> list[list[str]]:
    """What was bought, one line a cell and method."""
    return [[name, *row] for name, cell in bench.cells.items() for row in bought_rows(cell)]


def _figures(bench: Bench) -> list[tuple[str, Markup]]:
    ranks = {row.method: row.mean_rank for row in bench.together.ranking}
    drawn = []
    for group in bench.together.groups:
        known = "" if group.p is None else f"; Friedman's test, Iman–Davenport: p {'' if group.p < 0.001 else '= '}{p_value(group.p)}"
        drawn.append((f"{group.test} over {group.n} data sets{known}", Markup(critical_difference(ranks, group.cliques, group.cd))))
    return drawn


def _checks(bench: Bench) -> list[tuple[str, Any]]:
    """Checks across cells, then those of cells."""
    return [("", check) for check in bench.checks] + [(f"{name}, ", check) for name, cell in bench.cells.items() for check in _told(cell)]


def _told(cell: CellResult) -> list[Any]:
    return [check for check in cell.checks if check.verdict != "not checked"]


def grid(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown."""
    return ["| " + " | ".join(line) + " |" for line in (heads, ["---"] * len(heads), *lines)]
