"""Claim 5: how even the classes are that were bought from a pool of uneven ones, by inference and score."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from claims_a import Claim, Found, Stated, all_as, count, mean
from retrained import areas, bought, cells

from querist.bench.labelling import labelling
from querist.data.datasets import named

SETS = ("penbased+longtail50", "digits+longtail20")
INFERENCES = ("single", "dropout", "ensemble")
CHOSEN = {"single": "entropy", "dropout": "variation_ratio", "ensemble": "variation_ratio"}
Table = dict[tuple[str, str, str], dict[str, dict[int, float]]]


def measured(source: Path) -> Table:
    """(set, inference, method) → evenness, share of the rarest class, area under the curve of balanced accuracy, by seed."""
    found: Table = {}
    for dataset in SETS:
        data = named(dataset)
        place = {name: number for number, name in enumerate(data.classes)}
        classes = {item: place[str(data.targets[item])] for item in data.candidates}
        for inference in INFERENCES:
            cell = f"{dataset}.{inference}"
            for method in ("random", CHOSEN[inference]):
                runs = {seed: labelling([item for batch in rounds for item in batch], classes) for seed, rounds in bought(source / cell, method).items()}
                found[dataset, inference, method] = {
                    "balance": {seed: run.balance for seed, run in runs.items()},
                    "rarest": {seed: run.rarest_recall for seed, run in runs.items()},
                    "aubc": areas(cells(source)[cell], method),
                }
    return found


def gain(row: Mapping[str, Mapping[int, float]], other: Mapping[str, Mapping[int, float]]) -> dict[int, float]:
    """Difference of the areas by seed."""
    return {seed: area - other["aubc"][seed] for seed, area in row["aubc"].items()}


def measure(source: Path) -> Claim:
    """The claim."""
    found = measured(source)
    stated = []
    for name in SETS:
        ours, plain = found[name, "ensemble", "variation_ratio"], found[name, "ensemble", "random"]
        better = gain(ours, plain)
        stated += [
            Stated(1, f"{name}: evenness by the ensemble's variation ratio, and by random", ours["balance"], plain["balance"], "more"),
            Stated(1, f"{name}: balanced accuracy, the same two", ours["aubc"], plain["aubc"], "more", 100),
        ]
        for inference, method, said in (("single", "entropy", "a single network's entropy"), ("dropout", "variation_ratio", "dropout's variation ratio")):
            other = found[name, inference, method]
            stated += [
                Stated(2, f"{name}: evenness, and by {said}", ours["balance"], other["balance"], "more"),
                Stated(2, f"{name}: gain over random of the same inference, and by {said}", better, gain(other, found[name, inference, "random"]), "more", 100),
            ]

    def word(rows: Found) -> tuple[str, str]:
        if all_as(rows, 1, 2):
            return "holds", "An ensemble buys more even classes than random, a single network and dropout, and gains more by it."
        if not any(answer == "as stated" for one, _, answer in rows if one.number == 1):
            return "does not hold", "An ensemble is not shown to buy more even classes than random."
        says = f"An ensemble counteracts imbalance ({count(rows, 1)} comparisons with random)"
        return "depends", f"{says}; so does any uncertainty: that the ensemble does it better is shown in {count(rows, 2)} comparisons."

    heads = (
        "inference",
        "chosen by",
        "evenness of classes",
        "rarest class bought, %",
        "balanced accuracy over the budget",
        "over random of the same inference",
    )
    tables = []
    for name in SETS:
        rows = []
        for inference, method in ((one, chosen) for one in INFERENCES for chosen in ("random", CHOSEN[one])):
            row = found[name, inference, method]
            over = mean(gain(row, found[name, inference, "random"]), 100) if method != "random" else "–"
            rows.append([inference, method, mean(row["balance"]), mean(row["rarest"], 100), mean(row["aubc"], 100), over])
        tables.append((f"{name}: {len(named(name).candidates):,} items, 20 to 100 labels", heads, rows))
    values = {" / ".join(key): value for key, value in found.items()}
    return Claim("ensembles counteract the imbalance of classes", stated, word, tables, values)
