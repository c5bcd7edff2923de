"""Claim 14: the chosen quarter of six pools against everything."""

from __future__ import annotations

from pathlib import Path

from claims_a import Claim, Found, Stated
from claims_b import Unpaired
from retrained import against_everything, cells, last

SETS = ("digits", "penbased", "satimage", "spambase", "phoneme", "segment")
METHODS = ("margin", "badge")
POINT = 0.01


def word(found: Found) -> tuple[str, str]:
    """What bench.toml's rule gives."""
    short = [name for name in SETS if all(answer == "as stated" for one, _, answer in found if one.number == 1 and one.what.startswith(f"{name}:"))]
    enough = [name for name in SETS if any(answer == "as stated" for one, _, answer in found if one.number == 2 and one.what.startswith(f"{name}:"))]
    says = (
        f"More than a point below everything with either quarter: {', '.join(short) or 'no set'}; less than a point below it: {', '.join(enough) or 'no set'}."
    )
    return ("holds" if short and enough else "depends" if short else "does not hold"), says


def measure(source: Path) -> Claim:
    """The claim."""
    found = cells(source)
    stated: list[Stated] = []
    rows: list[list[str]] = []
    for name in SETS:
        quarter, whole = found[f"{name}.quarter"], last(found[f"{name}.whole"], "random")
        less = {seed: value - POINT for seed, value in whole.items()}
        for method in METHODS:
            ours = last(quarter, method)
            stated.append(Unpaired(1, f"{name}: quarter by {method}, and everything less a point", ours, less, "less", 100))
            stated.append(Unpaired(2, f"{name}: quarter by {method}, and everything less a point, above", ours, less, "more", 100))
        rows += against_everything(name, quarter, whole, METHODS)
    heads = ("set", "quarter chosen by", "accuracy with a quarter", "with everything", "difference, points (95 %)")
    return Claim("some data sets have no small sufficient subset", stated, word, [("A quarter against everything", heads, rows)])
