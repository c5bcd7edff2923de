"""Claim 1: copies that batches buy, by strategy and batch size, and how close together the picks lie where there are no copies."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

from claims_a import Claim, Found, Stated, all_as, count, mean
from retrained import Bed, bought

from querist.assemble.simulate import learner_options
from querist.bench.behaviour import copies, spread
from querist.bench.ledger import Ledger
from querist.bench.results import Study
from querist.bench.spec import StudySpec

REPEATED = "repeated-digits"
ACROSS = ("fashion-mnist-10k", "penbased", "satimage", "spambase", "splice")
STRATEGIES = ("bald",)
BATCHES = (2, 10, 30)


def origins(rounds: list[list[str]]) -> list[list[str]]:
    """What every item is a copy of: a copy's id is that of the original, ~ and a number."""
    return [[item.split("~")[0] for item in batch] for batch in rounds]


def shares(folder: Path, method: str) -> dict[int, float]:
    """Seed → share of copies among the items bought after the start."""
    return {seed: copies(rounds, origins(rounds)) for seed, rounds in bought(folder, method).items()}


def inside(folder: Path, method: str) -> dict[int, float]:
    """Seed → the same, copies in the same batch alone."""
    runs = bought(folder, method).items()
    return {seed: fmean(copies([[], batch], [[], *origins([batch])]) for batch in rounds[1:]) for seed, rounds in runs}


def spreads(folder: Path, kept: Ledger) -> dict[str, dict[int, float]]:
    """Strategy → seed → mean distance in a batch over that in random's batch of the same round and seed, in the inputs that the learner reads."""
    spec = StudySpec.of(Study.open(folder).spec)
    runs = {method: bought(folder, method) for method in ("random", *STRATEGIES)}
    missing = [(method, seed) for method, found in runs.items() for seed in found if f"{spec.dataset} {method} {seed}" not in kept]
    if missing:
        bed = Bed.of(spec.dataset, learner_options(spec.dataset, spec.learner_options()), folder / "runs" / "features")
        for method, seed in missing:
            rows = [spread(bed.inputs(batch)) for batch in runs[method][seed][1:] if len(batch) > 1]
            kept.add(f"{spec.dataset} {method} {seed}", {"spread": rows})
    row = {(method, seed): kept[f"{spec.dataset} {method} {seed}"]["spread"] for method, found in runs.items() for seed in found}
    return {method: {seed: fmean(row[method, seed]) / fmean(row["random", seed]) for seed in runs[method] if ("random", seed) in row} for method in STRATEGIES}


def measure(source: Path) -> Claim:
    """The claim."""
    recorded = source.parents[1]
    by_size = {f"{method}, b = {size}": shares(source / f"digits+repeat5.b{size}", method) for method in ("bald", "random") for size in BATCHES}
    folder = recorded / REPEATED
    by_strategy = {method: shares(folder, method) for method in StudySpec.of(Study.open(folder).spec).methods}
    kept = Ledger(source / "spread.jsonl", {})
    close = {name: spreads(recorded / f"across-{name}", kept) for name in ACROSS}
    stated = [
        Stated(1, "copies bought, 20 to 80 labels: BALD, and random, b = 10", by_size["bald, b = 10"], by_size["random, b = 10"], "more", 100),
        Stated(1, "copies bought, 20 to 200 labels: BALD, and random, b = 10", by_strategy["bald"], by_strategy["random"], "more", 100),
        Stated(2, "BALD b = 10, and b = 2", by_size["bald, b = 10"], by_size["bald, b = 2"], "more", 100),
        Stated(2, "BALD b = 30, and b = 10", by_size["bald, b = 30"], by_size["bald, b = 10"], "more", 100),
        Stated(3, "BatchBALD, and BALD, b = 10", by_strategy["batchbald"], by_strategy["bald"], "less", 100),
        Stated(3, "power BALD, and BALD, b = 10", by_strategy["power_bald"], by_strategy["bald"], "less", 100),
        *(Stated(4, f"{name}: distance within BALD's batches over random's", values["bald"], 1.0, "less") for name, values in close.items()),
    ]

    def word(found: Found) -> tuple[str, str]:
        if not all_as(found, 1):
            return "does not hold", "BALD's batches hold no more copies than random's."
        says = f"From a pool that repeats itself BALD buys more copies than random{', the more the larger the batch' if all_as(found, 2) else ''}"
        crowd = f"; on pools without copies its picks are shown to lie closer together than random's on {count(found, 4)} sets."
        return "holds" if all_as(found, 2) else "depends", says + crowd

    tables = [
        ("Copies bought after the start, % of the labels", ("20 to 80 labels", *(f"b = {size}" for size in BATCHES)),
         [[method, *(mean(by_size[f"{method}, b = {size}"], 100) for size in BATCHES)] for method in ("bald", "random")]),
        ("Copies bought by strategy, 20 to 200 labels, b = 10", ("strategy", "copies, %", "of another of the same batch, %"),
         [[name, mean(values, 100), mean(inside(folder, name), 100)] for name, values in by_strategy.items()]),
        ("Pools without copies: distance to the nearest pick of the batch, over that in random's batch", ("set", *STRATEGIES),
         [[name, *(mean(values[method]) for method in STRATEGIES)] for name, values in close.items()]),
    ]  # fmt: skip
    return Claim("the b best by BALD are near-duplicates", stated, word, tables, {"copies": {**by_size, **by_strategy}, "distances": close})
