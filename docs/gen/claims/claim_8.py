"""Claim 8: how dense the neighbourhoods are from which core-set, discriminative active learning and TypiClust buy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean

import numpy as np
from claims_a import Claim, Found, Stated, all_as
from claims_b import read, told
from numpy.typing import NDArray
from retrained import areas, bought, cells

from querist.bench.statistics import paired_t
from querist.core.optional import require

SETS = {"penbased": None, "fashion-mnist-10k": "efficientnet-lite0"}
METHODS = ("coreset", "discriminative", "typiclust")
NEIGHBOURS, SAME = 10, 5.0


def word(found: Found) -> tuple[str, str]:
    """What bench.toml's rule gives."""
    sparse, follows = all_as(found, 1), all_as(found, 2)
    if sparse and follows:
        return "holds", "On both sets."
    if sparse:
        return "depends", "Core-set buys from sparse regions, and DAL from denser ones than core-set, but not as the pool has them on both sets."
    return "depends" if any(answer == "as stated" for *_, answer in found) else "does not hold", "Core-set's half does not hold on both sets."


def percentiles(x: Mapping[str, NDArray[np.float32]]) -> dict[str, float]:
    """Item → percentile in the pool of its mean distance to its nearest neighbours; 100 is the sparsest place."""
    rows = np.stack(list(x.values()))
    found = require("sklearn.neighbors", by="measuring density").NearestNeighbors(n_neighbors=NEIGHBOURS + 1, algorithm="brute").fit(rows)
    distance = found.kneighbors(rows)[0][:, 1:].mean(axis=1)
    order = require("scipy.stats", by="measuring density").rankdata(distance)
    return dict(zip(x, (100 * (order - 0.5) / len(order)).tolist(), strict=True))


def measure(source: Path) -> Claim:
    """The claim."""
    found = cells(source)
    stated, rows, values = [], [], {}
    for name, encoder in SETS.items():
        sparse = percentiles(read(name, encoder, source / name))
        mean: dict[str, dict[int, float]] = {}
        tenth: dict[str, dict[int, float]] = {}
        for method in ("random", *METHODS):
            runs = {seed: [sparse[item] for batch in batches[1:] for item in batch] for seed, batches in bought(source / name, method).items()}
            mean[method] = {seed: fmean(one) for seed, one in runs.items()}
            tenth[method] = {seed: fmean(value > 90 for value in one) for seed, one in runs.items()}
        stated += [
            Stated(1, f"{name}: percentile of sparsity bought by core-set and by random", mean["coreset"], mean["random"], "more"),
            Stated(1, f"{name}: by core-set and by DAL", mean["coreset"], mean["discriminative"], "more"),
            Stated(2, f"{name}: by DAL and by random", mean["discriminative"], mean["random"], "same", 1.0, SAME),
        ]
        for method in ("random", *METHODS):
            gain = "–" if method == "random" else told(paired_t(areas(found[name], method), areas(found[name], "random")))
            rows.append([name, method, f"{fmean(mean[method].values()):.1f}", f"{100 * fmean(tenth[method].values()):.1f} %", gain])
        values[name] = {"percentile": mean, "sparsest_tenth": tenth}
    heads = ("set", "method", "percentile of sparsity bought", "from the sparsest tenth", "accuracy − random, points (95 %)")
    return Claim(
        "core-set over-represents sparse regions, discriminative active learning follows density", stated, word, [("What was bought", heads, rows)], values
    )
