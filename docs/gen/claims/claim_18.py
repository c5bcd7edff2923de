"""Claim 18: the same random labels under six recipes, and what margin gains under the best of them."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

from claims_a import Claim, Found, Stated, all_as
from claims_b import told
from retrained import areas, cells

from querist.bench.statistics import paired_t

GAP = 0.13
SET = "fashion-mnist"


def word(found: Found) -> tuple[str, str]:
    """What bench.toml's rule gives."""
    wide, beyond = all_as(found, 1), all_as(found, 2)
    gap = next(one.pair.difference for one, _, _ in found if one.number == 2)
    says = f"Best and worst recipe put the same random labels {100 * gap:.1f} points apart beyond what margin gains under the best."
    return ("holds" if wide and beyond else "depends" if beyond else "does not hold"), says


def measure(source: Path) -> Claim:
    """The claim."""
    found = {name.removeprefix(f"{SET}."): cell for name, cell in cells(source).items()}
    random = {name: areas(cell, "random") for name, cell in found.items()}
    order = sorted(random, key=lambda name: -fmean(random[name].values()))
    best, worst = order[0], order[-1]
    gap = {seed: random[best][seed] - random[worst][seed] for seed in random[best] if seed in random[worst]}
    margin = areas(found[best], "margin")
    gain = {seed: margin[seed] - random[best][seed] for seed in margin if seed in random[best]}
    stated = [
        Stated(1, f"random under {best} − random under {worst}, and 13 points", gap, GAP, "more", 100),
        Stated(2, f"the same, and margin − random under {best}", gap, gain, "more", 100),
    ]
    rows = []
    for name in order:
        curve = found[name]["methods"]["random"]["curve"]
        first, last = (fmean(row[place] for row in curve) for place in (0, -1))
        behind = "–" if name == best else told(paired_t(random[name], random[best]))
        gained = told(paired_t(areas(found[name], "margin"), random[name]))
        rows.append([name, f"{100 * first:.1f} %", f"{100 * last:.1f} %", f"{100 * fmean(random[name].values()):.1f} %", behind, gained])
    heads = ("recipe", "200 labels", "1,000 labels", "over the budget", f"− {best}, points (95 %)", "margin − random, points (95 %)")
    return Claim("random baselines differ by 13 points through training alone", stated, word, [("Random labels under six recipes", heads, rows)])
