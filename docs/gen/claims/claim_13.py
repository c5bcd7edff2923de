"""Claim 13: half of a pool, chosen, against the whole of it, with right and with some wrong labels."""

from __future__ import annotations

from pathlib import Path

from claims_a import Claim, Found, Stated
from claims_b import Unpaired
from retrained import against_everything, cells, last

SETS = ("digits", "satimage")
METHODS = ("margin", "badge", "query_by_committee_soft")
ALLOWED = 0.005


def word(found: Found) -> tuple[str, str]:
    """What bench.toml's rule gives."""
    beats, despite, enough = (all(_somewhere(found, number, name) for name in SETS) for number in (1, 2, 3))
    says = f"A chosen half {_verb(beats)} everything on both sets with clean labels and {_verb(despite)} it with wrong ones; "
    says += f"it {'is' if enough else 'is not shown to be'} within half a point of it on both."
    return ("holds" if beats else "depends" if despite or enough else "does not hold"), says


def measure(source: Path) -> Claim:
    """The claim."""
    found = cells(source)
    stated: list[Stated] = []
    rows: list[list[str]] = []
    for name in (variant for base in SETS for variant in (base, f"{base}+noise10")):
        half, whole = found[f"{name}.half"], last(found[f"{name}.whole"], "random")
        for method in METHODS:
            ours = last(half, method)
            stated.append(Unpaired(2 if "+" in name else 1, f"{name}: half by {method}, and everything", ours, whole, "more", 100))
            if "+" not in name:
                behind = {seed: value - ALLOWED for seed, value in whole.items()}
                stated.append(Unpaired(3, f"{name}: half by {method}, and everything less half a point", ours, behind, "more", 100))
        rows += against_everything(name, half, whole, METHODS)
    heads = ("set", "half chosen by", "accuracy with half", "with everything", "difference, points (95 %)")
    return Claim("a chosen subset beats the full set", stated, word, [("Half against everything", heads, rows)])


def _somewhere(found: Found, number: int, name: str) -> bool:
    """Whether a method came out as stated on a set, with its variant."""
    return any(answer == "as stated" for one, _, answer in found if one.number == number and one.what.startswith((f"{name}:", f"{name}+")))


def _verb(beats: bool) -> str:
    return "beats" if beats else "is not shown to beat"
