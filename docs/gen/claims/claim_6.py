"""Claim 6: what the number of classes and the size of a batch do to the difference of core-set and margin, and to what is bought first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from claims_a import Claim, Found, Stated, all_as, shown
from claims_b import Unpaired, read, told
from retrained import areas, bought, cells

from querist.bench.labelling import balance
from querist.bench.statistics import paired_t
from querist.data.datasets import named

SETS = {"letter-2": 2, "letter-6": 6, "letter": 26}
PAIRS = (("coreset", "margin"), ("coreset", "entropy"), ("badge", "margin"), ("badge", "entropy"))
METHODS = ("random", "margin", "entropy", "coreset", "badge")


def word(found: Found) -> tuple[str, str]:
    """What bench.toml's rule gives."""
    batches, classes, favour = (all_as(found, number) for number in (1, 2, 3))
    if batches and classes and favour:
        return "holds", "Batches and classes shift the gap, and turn the order round."
    if batches and classes:
        return "depends", "Batches and classes shift the gap, but not the order."
    if batches or classes:
        return "depends", f"{'Batches' if batches else 'Classes'} shift the gap as claimed, {'classes' if batches else 'batches'} do not."
    return "does not hold", "The gap is not shifted as claimed for every number of classes and every batch."


def difference(cell: Mapping[str, Any]) -> dict[int, float]:
    """Seed → area of core-set − area of margin."""
    ours, theirs = areas(cell, "coreset"), areas(cell, "margin")
    return {seed: ours[seed] - theirs[seed] for seed in ours if seed in theirs}


def first_batch(source: Path, cell: str, method: str) -> tuple[float, float, float]:
    """Of the first batch bought: classes seen, evenness over the classes, and mean distance to the nearest other one of the batch."""
    name = cell.partition(".")[0]
    data, x = named(name), read(name)
    pool = [data.classes.index(data.targets[item]) for item in data.candidates]
    found = []
    for batches in bought(source / cell, method).values():
        classes = [data.classes.index(data.targets[item]) for item in batches[1]]
        rows = np.stack([x[item] for item in batches[1]])
        gaps = np.linalg.norm(rows[:, None] - rows, axis=-1) + np.diag(np.full(len(rows), np.inf))
        found.append((len(set(classes)), balance(classes, pool), float(gaps.min(axis=1).mean())))
    seen, even, near = (fmean(column) for column in zip(*found, strict=True))
    return seen, even, near


def measure(source: Path) -> Claim:
    """The claim."""
    found = cells(source)
    d = {(count, batch): difference(found[f"{name}.b{batch}"]) for name, count in SETS.items() for batch in (10, 100)}
    what = "core-set − margin"
    stated = [Stated(1, f"{count} classes: {what} at batches of 100 and of 10", d[count, 100], d[count, 10], "more", 100) for count in SETS.values()]
    stated += [Unpaired(2, f"batches of {batch}: {what} with 26 classes and with 2 (Welch)", d[26, batch], d[2, batch], "more", 100) for batch in (10, 100)]
    most, least = found["letter.b100"], found["letter-2.b10"]
    stated += [
        Stated(3, "26 classes, batches of 100: core-set and margin", areas(most, "coreset"), areas(most, "margin"), "more", 100),
        Stated(3, "2 classes, batches of 10: core-set and margin", areas(least, "coreset"), areas(least, "margin"), "less", 100),
    ]
    curves, first = [], []
    for name, count in SETS.items():
        for batch in (10, 100):
            cell = found[f"{name}.b{batch}"]
            there = [method for method in METHODS if method in cell["methods"]]
            gap = {method: told(paired_t(areas(cell, method), areas(cell, "random"))) if method in there else "–" for method in METHODS[1:]}
            between = told(paired_t(areas(cell, "coreset"), areas(cell, "margin")))
            curves.append([str(count), str(batch), f"{100 * fmean(areas(cell, 'random').values()):.1f} %", *gap.values(), between])
            measured = {method: first_batch(source, f"{name}.b{batch}", method) for method in there}
            for method in there:
                seen, even, near = measured[method]
                first.append([str(count), str(batch), method, f"{seen:.1f}", shown(even), f"{near / measured['random'][2]:.2f}"])
    heads = ("classes", "batch", "random", *(f"{method} − random" for method in METHODS[1:]), what)
    others = [[str(count), str(batch), *(_gap(found[f"{name}.b{batch}"], *pair) for pair in PAIRS)] for name, count in SETS.items() for batch in (10, 100)]
    seen_first = ("classes", "batch", "method", "classes seen", "evenness", "distance to the nearest of the batch, × random")
    tables = [
        ("All six cells, mean accuracy over the budget in points (95 %)", heads, curves),
        (
            "Other diversity, other uncertainty (not stated beforehand; with two classes entropy chooses as margin does)",
            ("classes", "batch", *(f"{ours} − {theirs}" for ours, theirs in PAIRS)),
            others,
        ),
        ("The first batch bought, means over the seeds", seen_first, first),
    ]
    return Claim("more classes and larger batches favour diversity, fewer and smaller ones uncertainty", stated, word, tables)


def _gap(cell: Mapping[str, Any], ours: str, theirs: str) -> str:
    """A difference; margin stands for entropy where it was not run."""
    return told(paired_t(areas(cell, ours), areas(cell, theirs if theirs in cell["methods"] else "margin")))
