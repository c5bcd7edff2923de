"""Claim 8: how sparse the places are from which core-set, discriminative active learning and TypiClust buy."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from statistics import fmean

import numpy as np
from claims_a import RESULTS, Claim, Found, Stated, all_as, count
from claims_b import read, told
from numpy.typing import NDArray
from retrained import areas, bought, cells

from querist.bench.ledger import Ledger
from querist.bench.runs import run_name
from querist.bench.spec import StudySpec
from querist.bench.statistics import paired_t
from querist.core.optional import require

ACROSS = {"penbased": None, "satimage": None, "spambase": None, "splice": None, "fashion-mnist-10k": "efficientnet-lite0"}
RECORDED = ("coreset", "palmprint", "typiclust")
ANEW = ("random", "coreset", "discriminative")
NEIGHBOURS, SAME, SEEDS = 10, 5.0, 10
Shares = tuple[dict[int, float], dict[int, float]]


def word(found: Found) -> tuple[str, str]:
    """What bench.toml's rule gives."""
    sparse, follows = count(found, 1), count(found, 3)
    less = "from less sparse places than core-set" if all_as(found, 2) else "not shown to buy from less sparse places than core-set"
    says = f"Core-set buys from sparse places on {sparse} sets; DAL buys {less}; it or its form with one classifier follows the density on {follows} sets."
    return "holds" if all_as(found, 1, 2, 3) else "depends" if any(answer == "as stated" for *_, answer in found) else "does not hold", says


def percentiles(x: Mapping[str, NDArray[np.float32]]) -> dict[str, float]:
    """Item → percentile in the pool of its mean distance to its nearest neighbours; 100 is the sparsest place."""
    rows = np.stack(list(x.values()))
    found = require("sklearn.neighbors", by="measuring density").NearestNeighbors(n_neighbors=NEIGHBOURS + 1, algorithm="brute").fit(rows)
    distance = found.kneighbors(rows)[0][:, 1:].mean(axis=1)
    order = require("scipy.stats", by="measuring density").rankdata(distance)
    return dict(zip(x, (100 * (order - 0.5) / len(order)).tolist(), strict=True))


def shares(sparse: Mapping[str, float], runs: Mapping[int, list[str]]) -> Shares:
    """Seed → mean percentile of what was bought, and the share of it from the sparsest tenth."""
    values = {seed: [sparse[item] for item in items] for seed, items in runs.items()}
    return {seed: fmean(one) for seed, one in values.items()}, {seed: fmean(value > 90 for value in one) for seed, one in values.items()}


def after_start(folder: Path, method: str) -> dict[int, list[str]]:
    """Seed → what a method bought."""
    return {seed: [item for batch in batches[1:] for item in batch] for seed, batches in bought(folder, method).items()}


def told_by(project: Path) -> list[str]:
    """Items in the order labelled. Read from the file: opening a project checks it, which for a hundred costs a minute."""
    with closing(sqlite3.connect(f"file:{project}?mode=ro", uri=True)) as opened:
        return [item for (item,) in opened.execute("SELECT item.id FROM annotation JOIN item ON item.key = annotation.item ORDER BY annotation.number")]


def across(folder: Path, sparse: Mapping[str, float], kept: Ledger) -> dict[str, Shares]:
    """Strategy → `shares` of a recorded study."""
    name = folder.name.removeprefix("across-")
    if any(f"{name} {method}" not in kept for method in RECORDED):
        start = StudySpec.from_toml(RESULTS / folder.name / "study.toml").initial
        for method in RECORDED:
            runs = {seed: told_by(folder / "runs" / f"{run_name(method, seed)}.querist")[start:] for seed in range(SEEDS)}
            mean, tenth = shares(sparse, runs)
            kept.add(f"{name} {method}", {"mean": list(mean.values()), "tenth": list(tenth.values())})
    return {method: (dict(enumerate(kept[f"{name} {method}"]["mean"])), dict(enumerate(kept[f"{name} {method}"]["tenth"]))) for method in RECORDED}


def measure(source: Path) -> Claim:
    """The claim."""
    kept = Ledger(source / "sparsity.jsonl", {"neighbours": NEIGHBOURS, "seeds": SEEDS})
    by: dict[str, dict[str, Shares]] = {}
    sparse: dict[str, float] = {}
    for name, encoder in ACROSS.items():
        if name == "penbased" or any(f"{name} {method}" not in kept for method in RECORDED):
            sparse = percentiles(read(name, encoder, source.parents[1] / f"across-{name}"))
        by[name] = across(source.parents[1] / f"across-{name}", sparse, kept)
        if name == "penbased":
            anew = {method: shares(sparse, after_start(source / "penbased", method)) for method in ANEW}
    stated = [Stated(1, f"{name}: percentile of sparsity bought by core-set, and 50", one["coreset"][0], 50.0, "more") for name, one in by.items()]
    stated.append(Stated(2, "penbased: by DAL and by core-set", anew["discriminative"][0], anew["coreset"][0], "less"))
    stated.append(Stated(3, "penbased: by DAL and by random", anew["discriminative"][0], anew["random"][0], "same", 1.0, SAME))
    stated += [
        Stated(3, f"{name}: by palmprint, and 50", one["palmprint"][0], dict.fromkeys(one["palmprint"][0], 50.0), "same", 1.0, SAME) for name, one in by.items()
    ]
    rows = [[name, method, *_cells(one)] for name, found in by.items() for method, one in found.items()]
    cell = cells(source)["penbased"]
    gain = {method: "–" if method == "random" else told(paired_t(areas(cell, method), areas(cell, "random"))) for method in ANEW}
    tables = [
        ("Recorded runs", ("set", "method", "percentile of sparsity bought", "from the sparsest tenth"), rows),
        ("Anew, pen strokes", ("method", "percentile", "from the sparsest tenth", "accuracy − random, points (95 %)"),
         [[method, *_cells(one), gain[method]] for method, one in anew.items()]),
    ]  # fmt: skip
    values = {"recorded": {key: dict(row) for key, row in kept.rows.items()}, "anew": anew}
    return Claim("core-set over-represents sparse regions, discriminative active learning follows density", stated, word, tables, values)


def _cells(one: Shares) -> list[str]:
    return [f"{fmean(one[0].values()):.1f}", f"{100 * fmean(one[1].values()):.1f} %"]
