"""Claim 11: what training on the pool gains with random labels, beside what choosing labels gains."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

from claims_a import Claim, Found, Stated
from claims_b import told
from retrained import areas, cells, last

from querist.bench.statistics import paired_t

SET = "digits"
TRAININGS = ("fixmatch", "ssal")
QUERIES = ("margin", "badge")


def word(found: Found) -> tuple[str, str]:
    """What bench.toml's rule gives."""
    exceeds = [all(answer == "as stated" for one, _, answer in found if one.number == 1 and one.what.startswith(name)) for name in TRAININGS]
    said = [f"{name} {'exceeds' if so else 'is not shown to exceed'} that of either query" for name, so in zip(TRAININGS, exceeds, strict=True)]
    says = f"With random labels the gain of training by {' and '.join(said)}."
    return ("holds" if all(exceeds) else "depends" if any(exceeds) else "does not hold"), says


def measure(source: Path) -> Claim:
    """The claim."""
    found = {name.removeprefix(f"{SET}."): cell for name, cell in cells(source).items()}
    random = {name: areas(cell, "random") for name, cell in found.items()}
    trained = {name: over(random[name], random["plain"]) for name in TRAININGS}
    chosen = {(name, query): over(areas(found[name], query), random[name]) for name in found for query in QUERIES}
    stated = [
        *(Stated(1, f"{name} − plain, and {query} − random", trained[name], chosen["plain", query], "more", 100) for name in TRAININGS for query in QUERIES),
        *(
            Stated(2, f"margin − random with {name}, and with plain training", chosen[name, "margin"], chosen["plain", "margin"], "less", 100)
            for name in TRAININGS
        ),
    ]
    rows = []
    for name in ("plain", *TRAININGS):
        gained = "–" if name == "plain" else told(paired_t(random[name], random["plain"]))
        queried = [told(paired_t(areas(found[name], query), random[name])) for query in QUERIES]
        rows.append([name, f"{100 * fmean(random[name].values()):.1f} %", f"{100 * fmean(last(found[name], 'random').values()):.1f} %", gained, *queried])
    heads = ("training", "random, over the budget", "random, 100 labels", "− plain, points (95 %)", *(f"{query} − random" for query in QUERIES))
    return Claim("gains of training exceed gains of querying", stated, word, [("Both gains", heads, rows)])


def over(ours: dict[int, float], theirs: dict[int, float]) -> dict[int, float]:
    """Seed → difference."""
    return {seed: ours[seed] - theirs[seed] for seed in ours if seed in theirs}
