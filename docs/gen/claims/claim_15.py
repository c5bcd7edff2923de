"""Claim 15: generating what was asked for, generating anything, and training longer, with BALD."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

from claims_a import Claim, Found, Stated, all_as
from claims_b import AtLeast, told
from retrained import areas, cells, last

from querist.bench.statistics import paired_t

SET = "digits"


def word(found: Found) -> tuple[str, str]:
    """What bench.toml's rule gives."""
    better, waste, worth = (all_as(found, number) for number in (1, 2, 3))
    says = f"Generating for what was asked is {'' if better else 'not shown to be '}better than generating anything; the latter "
    says += f"is {'no better than' if waste else 'not shown to be no better than'} training three times as long, "
    says += f"the former {'is' if worth else 'is not shown to be'}."
    return ("holds" if better and waste else "depends" if better or waste else "does not hold"), says


def measure(source: Path) -> Claim:
    """The claim."""
    found = {name.removeprefix(f"{SET}."): cell for name, cell in cells(source).items()}
    bald = {name: areas(cell, "bald") for name, cell in found.items()}
    stated = [
        Stated(1, "BGADL, and BALD with bda", bald["near"], bald["bda"], "more", 100),
        AtLeast(2, "BALD trained three times as long, and with bda", bald["longer"], bald["bda"], "same", 100),
        Stated(3, "BGADL, and BALD trained three times as long", bald["near"], bald["longer"], "more", 100),
    ]
    rows = []
    for name in ("plain", "longer", "bda", "near"):
        behind = "–" if name == "plain" else told(paired_t(bald[name], bald["plain"]))
        queried = told(paired_t(bald[name], areas(found[name], "random")))
        rows.append([name, f"{100 * fmean(bald[name].values()):.1f} %", f"{100 * fmean(last(found[name], 'bald').values()):.1f} %", behind, queried])
    heads = ("training", "BALD, over the budget", "at 200 labels", "− plain, points (95 %)", "BALD − random")
    return Claim("arbitrary augmentation wastes compute", stated, word, [("Four ways of training", heads, rows)])
