"""Claim 7: the same methods with and without random exploration, early and late."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

from claims_a import RESULTS, Claim, Found, Stated, all_as, count
from claims_b import told
from retrained import areas, cells, last

from querist.bench.statistics import paired_t

SETS = ("penbased",)
RECORDED = ("across-*", "digits-strategies")
EARLY, FINAL = 1, 2
PAIRS = (
    ("ff_active", "coreset"), ("explorers:Farthest3", "coreset"), ("explorers:Entropy3", "entropy"), ("exploration_p", "explorers:Exploit"),
)  # fmt: skip
LATE = (("explorers:Farthest3", "explorers:FarthestThenRandom"), ("explorers:Entropy3", "explorers:EntropyThenRandom"))


def word(found: Found) -> tuple[str, str]:
    """What bench.toml's rule gives."""
    helps, costs, nothing = (count(found, EARLY, said) for said in ("as stated", "the opposite", "not shown"))
    says = f"Early exploration helps in {helps} comparisons, costs in {costs}, and shows nothing in {nothing}; it helps where the method alone loses to random."
    return "holds" if all_as(found, EARLY) else "does not hold" if helps.startswith("0 ") else "depends", says


def measure(source: Path) -> Claim:
    """The claim."""
    found = cells(source)
    stated: list[Stated] = []
    rows, gaps = [], []
    for name in SETS:
        cell = found[name]
        stated += [Stated(EARLY, f"{name}: {_short(a)} and {_short(b)}", areas(cell, a), areas(cell, b), "more", 100) for a, b in PAIRS]
        for a, b in PAIRS:
            without, gain = paired_t(areas(cell, b), areas(cell, "random")), paired_t(areas(cell, a), areas(cell, b))
            gaps.append((without.difference, [name, _short(b), told(without), _short(a), told(gain)]))
        for a, b in LATE:
            stated.append(Stated(FINAL, f"{name}: {_short(a)} and {_short(b)}", areas(cell, a), areas(cell, b), "more", 100))
            stated.append(Stated(FINAL, f"{name}: the same at the last budget", last(cell, a), last(cell, b), "more", 100))
        for method in cell["methods"]:
            gain_ = "–" if method == "random" else told(paired_t(areas(cell, method), areas(cell, "random")))
            rows.append(
                [name, _short(method), f"{100 * fmean(areas(cell, method).values()):.1f} %", f"{100 * fmean(last(cell, method).values()):.1f} %", gain_]
            )
    heads = ("set", "method", "over the budget", "at the last budget", "over the budget − random, points (95 %)")
    tables = [
        ("What exploration adds, by what the method does without it (− random, points, 95 %)", ("set", "without", "without − random", "with", "with − without"),
         [row for _, row in sorted(gaps)]),
        ("All methods", heads, rows),
    ]  # fmt: skip
    tables.append(("The same in the recorded sets, one random round, nine seeds or more", tables[0][1], list(recorded())))
    return Claim("random exploration in early rounds helps", stated, word, tables)


def recorded() -> Iterator[list[str]]:
    """FF-Active and core-set in the studies recorded before, by what core-set does alone."""
    rows = []
    for file in (file for pattern in RECORDED for file in RESULTS.glob(f"{pattern}/study.json")):
        study = json.loads(file.read_text(encoding="utf-8"))
        if {"coreset", "ff_active"} <= set(study["methods"]):
            without, gain = paired_t(areas(study, "coreset"), areas(study, "random")), paired_t(areas(study, "ff_active"), areas(study, "coreset"))
            rows.append((without.difference, [study["dataset"], "coreset", told(without), "ff_active", f"{told(gain)}, n = {gain.n}"]))
    return (row for _, row in sorted(rows))


def _short(method: str) -> str:
    return method.rpartition(":")[2]
