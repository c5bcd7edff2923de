"""A bench for the terminal: verdicts of every cell, ranks over data sets, and what the platform found when it checked itself."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from querist.bench.across import Bench
from querist.bench.results import Check, Void
from querist.bench.wording import gain_text, interval, points

_STYLE = {"better": "green", "worse": "red", "equivalent": "cyan", "violated": "red", "not shown": "yellow"}
ROWS = 60
"""Above this only the ranks are printed."""


def bench_table(bench: Bench) -> Group:
    """What a bench says, as far as a screen holds it."""
    rows = sum(len(cell.comparisons) for cell in bench.cells.values())
    parts: list[RenderableType] = [_cells(bench)] if rows <= ROWS else [f"{rows} comparisons in {len(bench.cells)} cells: see bench.json and the reports."]
    gains = [(name, method, gain) for name, cell in bench.cells.items() for method, found in cell.gains.items() for gain in found]
    parts += [Text(f"{name}, {method}: {gain_text(gain)}", style=_STYLE.get(gain.verdict, "")) for name, method, gain in gains]
    if len(bench.cells) > 1 and bench.together.ranking:
        parts.append(_ranks(bench))
    parts += [_saturated(bench), *(Text(f"check: {row.name}: {row.verdict} ({row.detail})", style=_STYLE.get(row.verdict, "")) for row in _checks(bench))]
    parts += [Text(f"void: {void_text(mark)}", style="red") for mark in bench.void]
    return Group(*(part for part in parts if part))


def void_text(mark: Void) -> str:
    """What is void and why, in a line: `wine.b10, margin seed 3: …`."""
    whose = " ".join([mark.method or "all methods", "" if mark.seed is None else f"seed {mark.seed}"]).strip()
    return f"{mark.cell or 'all cells'}, {whose}: {mark.check}: {mark.reason}"


def _cells(bench: Bench) -> Table:
    split = "final test sets" if bench.final else "development splits"
    grid = Table(title=f"{bench.bench}: {len(bench.cells)} cells on {split}", title_justify="left", title_style="bold", header_style="bold", pad_edge=False)
    for name in ("cell", "method", "seeds", "difference from random, points (95 %)", "verdict"):
        grid.add_column(name, justify="right" if name == "seeds" else "left", overflow="fold")
    for name, cell in bench.cells.items():
        for row in cell.comparisons:
            certainty = "" if row.low is None else f" ({interval(row.low, row.high)})"
            verdict = row.verdict if cell.counts else "void"
            grid.add_row(name, row.method, str(row.n), f"{points(row.difference)}{certainty}", verdict, style=_STYLE.get(verdict))
    return grid


def _ranks(bench: Bench) -> Table:
    found = bench.together
    title = f"mean rank over {len(found.data_sets)} data sets, by area under the curve"
    grid = Table(title=title, title_justify="left", title_style="bold", header_style="bold", pad_edge=False)
    for name in ("method", "mean rank", "mean difference, points", "better", "equivalent", "undecided", "worse"):
        grid.add_column(name, justify="left" if name == "method" else "right")
    tallies = {row.method: row for row in found.tallies}
    for row in found.ranking:
        tally = tallies.get(row.method)
        counts = ["–"] * 4 if tally is None else [str(count) for count in (tally.wins, tally.ties, tally.undecided, tally.losses)]
        grid.add_row(row.method, f"{row.mean_rank:.2f}", "–" if row.difference is None or tally is None else points(row.difference), *counts)
    return grid


def _saturated(bench: Bench) -> str:
    known = [(name, cell.saturation) for name, cell in bench.cells.items() if cell.saturation is not None and cell.saturation.beyond is not None]
    return "\n".join(f"{name}: from {found.beyond:,} labels on random has {found.share:.0%} of what the whole pool gives" for name, found in known)


def _checks(bench: Bench) -> list[Check]:
    """Those across cells, and those inside cells that did not simply hold."""
    inside = [
        row.model_copy(update={"detail": f"{name}: {row.detail}"}) for name, cell in bench.cells.items() for row in cell.checks if row.verdict == "violated"
    ]
    return [*bench.checks, *inside]
