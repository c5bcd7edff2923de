"""Claim 16: queries by hidden layers and by the last layer of networks that are trained alike."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

from claims_a import Claim, Found, Stated, all_as
from claims_b import told
from retrained import areas, cells

from querist.bench.statistics import paired_t

SETS = ("digits", "fashion-mnist-10k")
PAIRS = {"views": "al_mv", "loss": "llal"}


def word(found: Found) -> tuple[str, str]:
    """What bench.toml's rule gives."""
    views, loss = all_as(found, 1), all_as(found, 2)
    said = [f"{name} is {'' if so else 'not '}shown to be above entropy on both sets" for name, so in (("al_mv", views), ("llal", loss))]
    return ("holds" if views and loss else "depends" if views or loss else "does not hold"), f"Trained alike, {' and '.join(said)}."


def measure(source: Path) -> Claim:
    """The claim."""
    found = cells(source)
    stated, rows = [], []
    for number, (training, query) in enumerate(PAIRS.items(), start=1):
        for name in SETS:
            cell = found[f"{name}.{training}"]
            random, last, hidden = (areas(cell, method) for method in ("random", "entropy", query))
            stated.append(Stated(number, f"{name}: {query}, and entropy", hidden, last, "more", 100))
            means = [f"{100 * fmean(values.values()):.1f} %" for values in (random, last, hidden)]
            rows.append([name, training, query, *means, told(paired_t(last, random)), told(paired_t(hidden, random))])
    heads = ("set", "training", "by hidden layers", "random", "entropy", "hidden layers", "entropy − random, points (95 %)", "hidden layers − random")
    return Claim("uncertainty of the last layer is incomplete", stated, word, [("Over the budget", heads, rows)])
