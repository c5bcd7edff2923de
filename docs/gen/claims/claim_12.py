"""Claim 12: four ways of going on from the round before, with the steps of training from scratch."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

from claims_a import Claim, Found, Stated, all_as
from claims_b import told
from retrained import areas, cells, last

from querist.bench.statistics import paired_t

SET = "penbased"
REPAIRS = ("shrink_perturb", "replay", "distil_replay")


def word(found: Found) -> tuple[str, str]:
    """What bench.toml's rule gives."""
    biased, repaired = all_as(found, 1), all_as(found, 2)
    says = f"Warm start is {'' if biased else 'not '}shown to be below training from scratch; "
    says += f"the repairs are {'' if repaired else 'not all '}shown to be above it."
    return ("holds" if biased and repaired else "depends" if biased or repaired else "does not hold"), says


def measure(source: Path) -> Claim:
    """The claim."""
    found = {name.removeprefix(f"{SET}."): cell for name, cell in cells(source).items()}
    area = {name: areas(cell, "margin") for name, cell in found.items()}
    end = {name: last(cell, "margin") for name, cell in found.items()}
    stated = [
        Stated(1, "warm start, and scratch", area["warm"], area["scratch"], "less", 100),
        Stated(1, "the same at 420 labels", end["warm"], end["scratch"], "less", 100),
        *(Stated(2, f"{name}, and warm start", area[name], area["warm"], "more", 100) for name in REPAIRS),
    ]
    rows = []
    for name in ("scratch", "warm", *REPAIRS):
        behind = "–" if name == "scratch" else told(paired_t(area[name], area["scratch"]))
        queried = told(paired_t(area[name], areas(found[name], "random")))
        rows.append([name, f"{100 * fmean(area[name].values()):.1f} %", f"{100 * fmean(end[name].values()):.1f} %", behind, queried])
    heads = ("start of a round", "over the budget", "at 420 labels", "− scratch, points (95 %)", "margin − random, points (95 %)")
    return Claim("plain incremental training is biased, and can be repaired", stated, word, [("All ways, margin queries", heads, rows)])
