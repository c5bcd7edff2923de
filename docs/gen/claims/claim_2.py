"""Claim 2: how the scores of one pass and of dropout samples of the same network rank the same items."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

from claims_a import RESULTS, Claim, Found, Stated, all_as, count, mean
from retrained import Bed, areas, cells

from querist.bench.behaviour import agreement
from querist.bench.ledger import Ledger
from querist.bench.working import one_thread
from querist.kernels import information
from querist.learn.inference.deterministic import Deterministic
from querist.learn.inference.mc_dropout import MCDropout

NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "digits": {"recipe": "digits-cnn", "network": {"use": "querist.nets.cnn:SmallCNN", "channels": [32], "stem": 16, "hidden": 64}},
    "penbased": {"recipe": "mlp", "network": {"use": "querist.nets.base:MLP", "hidden": [128]}},
}
SCORES = {"least confidence": information.least_confidence, "entropy": information.entropy, "margin": information.margin}
SIZES, RATES, SEEDS, CANDIDATES, BEST = (20, 60, 200), (0.1, 0.3, 0.5), range(10), 1000, 20
OWN = 0.3
ACROSS = ("fashion-mnist-10k", "movie-sentiment", "penbased", "satimage", "spambase", "splice")


def ranked(bed: Bed, dataset: str, seed: int, size: int, rate: float) -> dict[str, list[float]]:
    """Score → correlation and shared best of one pass with dropout samples; entropy with BALD under `bald`."""
    labelled, others = bed.sets(seed, size, CANDIDATES)
    fitted = bed.fit(labelled, seed, network={**NETWORKS[dataset]["network"], "dropout": rate})
    one, many = (replace(fitted, inference=inference).score(others).probs for inference in (Deterministic(), MCDropout(20)))
    found = {name: list(agreement(score(one), score(many), BEST)) for name, score in SCORES.items()}
    return found | {"bald": list(agreement(information.entropy(one), information.bald(many), BEST))}


def ranks(source: Path) -> Ledger:
    """All of them, kept in the bench's folder."""
    kept = Ledger(source / "ranks.jsonl", {"networks": NETWORKS, "candidates": CANDIDATES, "best": BEST})
    with one_thread():
        for dataset, options in NETWORKS.items():
            bed = Bed.of(dataset, options)
            for seed, size, rate in ((seed, size, rate) for seed in SEEDS for size in SIZES for rate in RATES):
                key = f"{dataset} {seed} {size} {rate}"
                if key not in kept:
                    kept.add(key, ranked(bed, dataset, seed, size, rate))
    return kept


def curves(source: Path) -> dict[str, tuple[dict[int, float], dict[int, float]]]:
    """Data set → areas under the curve of least confidence by dropout mean and by one pass, by seed."""
    found = {"digits": cells(source)["digits"]}
    found |= {name: json.loads((RESULTS / f"across-{name}" / "study.json").read_text(encoding="utf-8")) for name in ACROSS}
    return {name: (areas(cell, "max_prob_ratio"), areas(cell, "least_confidence")) for name, cell in found.items()}


def measure(source: Path) -> Claim:
    """The claim."""
    kept = ranks(source)

    def over_sizes(dataset: str, score: str, place: int = 0, rate: float = OWN, sizes: Sequence[int] = SIZES) -> dict[int, float]:
        return {seed: fmean(kept[f"{dataset} {seed} {size} {rate}"][score][place] for size in sizes) for seed in SEEDS}

    own, plain, both = "least confidence", "entropy", curves(source)
    stated = [
        *(Stated(1, f"{name}: correlation of {own} with its dropout form", over_sizes(name, own), 0.9, "more") for name in NETWORKS),
        *(Stated(2, f"{name}: area of the dropout form and of one pass", *pair, "same", 100) for name, pair in both.items()),
        *(Stated(3, f"{name}: correlation of {plain} with BALD, and with its dropout form", over_sizes(name, "bald"), over_sizes(name, plain), "less")
          for name in NETWORKS),
    ]  # fmt: skip

    def word(found: Found) -> tuple[str, str]:
        rank, curve = all_as(found, 1), [answer for one, _, answer in found if one.number == 2]
        if not rank or "the opposite" in curve:
            return "does not hold", "Ranks or curves of the two differ."
        says = "One pass and the mean of dropout samples of the same network rank items alike"
        if curve.count("as stated") > len(curve) / 2:
            return "holds", f"{says}, and their curves are the same."
        return "depends", f"{says}; BALD ranks otherwise. That the curves are the same is shown on {count(found, 2)} sets, that they differ on none."

    heads = ("dropout rate", "labels", *SCORES, "entropy with BALD")
    tables = []
    for name, (place, what) in product(NETWORKS, enumerate(("Rank correlation", f"Share of the best {BEST} in common"))):
        values = {(rate, size): [mean(over_sizes(name, score, place, rate, (size,))) for score in (*SCORES, "bald")] for rate in RATES for size in SIZES}
        rows = [[f"{rate}{' (the recipe)' if rate == OWN else ''}", str(size), *values[rate, size]] for rate, size in values]
        tables.append((f"{what}, {name}", heads, rows))
    return Claim("MC dropout ranks about as softmax scores do", stated, word, tables, {"ranks": kept.rows, "areas": both})
