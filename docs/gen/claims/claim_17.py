"""Claim 17: an architecture that grows with the labels beside four fixed ones, trained alike."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

from claims_a import Claim, Found, Stated, all_as
from claims_b import AtLeast, told
from retrained import areas, cells

from querist.bench.statistics import paired_t

SET = "digits"
FIXED = ("small", "deep", "middle", "large")


def word(found: Found) -> tuple[str, str]:
    """What bench.toml's rule gives."""
    above, level = all_as(found, 1), all_as(found, 2)
    says = f"The growing network is {'' if above else 'not '}shown to be above every fixed one, and "
    says += f"{'no' if level else 'not shown to be no'} more than half a point below the best of them."
    return ("holds" if above else "depends" if level else "does not hold"), says


def measure(source: Path) -> Claim:
    """The claim."""
    found = {name.removeprefix(f"{SET}."): cell for name, cell in cells(source).items()}
    area = {name: areas(cell, "margin") for name, cell in found.items()}
    best = max(FIXED, key=lambda name: fmean(area[name].values()))
    stated = [
        *(Stated(1, f"grown, and {name}", area["grown"], area[name], "more", 100) for name in FIXED),
        AtLeast(2, f"grown, and the best fixed one, {best}", area["grown"], area[best], "same", 100),
    ]
    rows = []
    for name in ("grown", *FIXED):
        curve = found[name]["methods"]["margin"]["curve"]
        places = [f"{100 * fmean(row[place] for row in curve):.1f} %" for place in range(len(curve[0]))]
        behind = "–" if name == "grown" else told(paired_t(area[name], area["grown"]))
        rows.append([name, *places, f"{100 * fmean(area[name].values()):.1f} %", behind, told(paired_t(area[name], areas(found[name], "random")))])
    heads = ("architecture", *(f"{labels} labels" for labels in (20, 80, 140, 200)), "over the budget", "− grown, points (95 %)", "margin − random")
    return Claim("fixed architectures are not optimal", stated, word, [("Margin queries, five architectures", heads, rows)])
