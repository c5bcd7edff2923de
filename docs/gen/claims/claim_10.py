"""Claim 10: the order of diversity, random and uncertainty in eight cells, and how much recipe, budget and batch each move it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from claims_a import Claim, Found, Stated, all_as, shown
from claims_b import told
from retrained import areas, cells

from querist.bench.statistics import PairedT, paired_t

METHODS = ("entropy", "margin", "coreset")
CELLS = {"brief, low, b50": "penbased.brief.low.b50", "mlp, low, b50": "penbased.mlp.low.b50"}
CELLS |= {"mlp, high, b10": "penbased.mlp.high.b10", "brief, high, b10": "penbased.brief.high.b10"}
FIRST, SECOND = range(10), range(10, 20)
SWITCHES = {"recipe": ("brief", "mlp"), "budget": ("low", "high"), "batch": ("large", "small")}


def word(found: Found) -> tuple[str, str]:
    """What bench.toml's rule gives, from the new seeds."""
    if all_as(found, 3) and all_as(found, 4):
        return "holds", "On one data set budget and batch alone turn the order round."
    passes = [answer == "as stated" for one, _, answer in found if one.number == 4]
    if all_as(found, 3) and passes[0]:
        mirror = ", and with a short training the whole order is mirrored" if all_as(found, 5) else ""
        return "depends", f"Uncertainty falls from above random to below it by budget and batch alone{mirror}; that entropy also passes core-set is not shown."
    return "does not hold", "The two ends were not both found again on new seeds."


def gains(found: Any, cell: str) -> dict[str, PairedT]:
    """Method → its difference from random."""
    return {method: paired_t(areas(found[cell], method), areas(found[cell], "random")) for method in METHODS}


def order(found: Any, cell: str) -> str:
    """The order by mean area, `>` where the paired interval of neighbours excludes 0, `≈` elsewhere."""
    by = {method: areas(found[cell], method) for method in ("random", "entropy", "coreset")}
    ranked = sorted(by, key=lambda method: -fmean(by[method].values()))
    signs = [">" if (paired_t(by[a], by[b]).low or 0) > 0 else "≈" for a, b in pairwise(ranked)]
    return f"{ranked[0]} {signs[0]} {ranked[1]} {signs[1]} {ranked[2]}"


def moved(found: Any) -> Iterator[list[str]]:
    """What each switch moves, mean over the four pairs of cells that differ in it alone."""
    by = {_at(cell): gains(found, cell) for cell in found}
    for name, (old, new) in SWITCHES.items():
        pairs = [(by[at], by[at - {old} | {new}]) for at in by if old in at]
        change = [fmean(after[method].difference - before[method].difference for before, after in pairs) for method in METHODS]
        yield [name, f"{old} → {new}", str(len(pairs)), *(shown(value, 100) for value in change)]


def _at(cell: str) -> frozenset[str]:
    _, recipe, budget, batch = cell.split(".")
    return frozenset({recipe, budget, "small" if batch == "b10" else "large"})


def measure(source: Path) -> Claim:
    """The claim."""
    found = cells(source)

    def compared(number: int, at: str, ours: str, theirs: str, seeds: range, wants: Literal["more", "less"] = "more") -> Stated:
        left, right = ({seed: value for seed, value in areas(found[CELLS[at]], method).items() if seed in seeds} for method in (ours, theirs))
        return Stated(number, f"{at}: {ours} and {theirs}", left, right, wants, 100)

    stated = [
        compared(1, "brief, low, b50", "coreset", "random", FIRST),
        compared(1, "brief, low, b50", "entropy", "random", FIRST, "less"),
        compared(2, "mlp, high, b10", "entropy", "random", FIRST),
        compared(2, "mlp, high, b10", "entropy", "coreset", FIRST),
        compared(3, "mlp, low, b50", "coreset", "random", SECOND),
        compared(3, "mlp, low, b50", "entropy", "random", SECOND, "less"),
        compared(4, "mlp, high, b10", "entropy", "random", SECOND),
        compared(4, "mlp, high, b10", "entropy", "coreset", SECOND),
        compared(5, "brief, high, b10", "margin", "random", SECOND),
        compared(5, "brief, high, b10", "coreset", "random", SECOND, "less"),
    ]
    rows = []
    for cell in sorted(found, key=lambda cell: (".high." in cell, ".mlp." in cell, cell.endswith(".b10"))):
        level = f"{100 * fmean(areas(found[cell], 'random').values()):.1f} %"
        rows.append([cell.removeprefix("penbased."), level, *map(told, gains(found, cell).values()), order(found, cell)])
    heads = (
        "recipe, budget, batch",
        "random",
        "entropy − random",
        "margin − random",
        "core-set − random",
        "order of the three (> where the interval excludes 0)",
    )
    moves = ("switch", "from → to", "pairs of cells", *METHODS)
    tables = [
        ("All eight cells, mean accuracy over the budget, points (95 %); > where the paired interval of neighbours excludes 0", heads, rows),
        ("What each switch moves, points of (method − random)", moves, list(moved(found))),
    ]
    return Claim("the contradiction, diversity > random > uncertainty against uncertainty > random", stated, word, tables)
