"""Claim 3: how over-confident one pass is under two recipes of the same network, beside what choosing by it gains or loses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from claims_a import Claim, Found, Stated, all_as, count, mean
from retrained import Bed, areas, bought, cells

from querist.assemble.simulate import learner_options
from querist.bench.behaviour import overconfidence
from querist.bench.ledger import Ledger
from querist.bench.results import Study
from querist.bench.spec import StudySpec
from querist.bench.wording import interval, points
from querist.bench.working import one_thread
from querist.kernels.calibration import calibration_error

SETS, RECIPES, METHODS, ROUNDS = ("digits", "penbased", "satimage"), ("tuned", "sharp"), ("random", "entropy"), (3, 6)
SCORES = ("entropy", "least_confidence")


def calibration(bed: Bed, seed: int, rounds: list[list[str]]) -> dict[str, list[float]]:
    """Over-confidence and calibration error of the run's own networks at its budgets of `ROUNDS`."""
    found: dict[str, list[float]] = {"over": [], "ece": []}
    for number in ROUNDS:
        probs, classes = bed.development(bed.fit([item for batch in rounds[:number] for item in batch], seed, number))
        found["over"].append(overconfidence(probs[:, 0], classes))
        found["ece"].append(calibration_error(probs[:, 0], classes))
    return found


def measured(source: Path) -> Ledger:
    """All of them, kept in the bench's folder."""
    kept = Ledger(source / "calibration.jsonl", {"rounds": ROUNDS})
    with one_thread():
        for name in (f"{dataset}.{recipe}" for dataset in SETS for recipe in RECIPES):
            spec = StudySpec.of(Study.open(source / name).spec)
            bed = Bed.of(spec.dataset, learner_options(spec.dataset, spec.learner_options()))
            for method in METHODS:
                for seed, rounds in bought(source / name, method).items():
                    if f"{name} {method} {seed}" not in kept:
                        kept.add(f"{name} {method} {seed}", calibration(bed, seed, rounds))
    return kept


def measure(source: Path) -> Claim:
    """The claim."""
    kept, found = measured(source), cells(source)

    def over(name: str, recipe: str, method: str = "random", what: str = "over") -> dict[int, float]:
        return {seed: fmean(kept[f"{name}.{recipe} {method} {seed}"][what]) for seed in areas(found[f"{name}.{recipe}"], method)}

    def gain(name: str, recipe: str, method: str) -> dict[int, float]:
        cell = found[f"{name}.{recipe}"]
        plain = areas(cell, "random")
        return {seed: area - plain[seed] for seed, area in areas(cell, method).items()}

    stated = [
        *(Stated(1, f"{name}: confidence − accuracy of `sharp`", over(name, "sharp"), 0.0, "more", 100) for name in SETS),
        *(Stated(1, f"{name}: the same, and of `tuned`", over(name, "sharp"), over(name, "tuned"), "more", 100) for name in SETS),
        *(Stated(3, f"{name}: entropy − random with `sharp`, and with `tuned`", gain(name, "sharp", "entropy"), gain(name, "tuned", "entropy"), "less", 100)
          for name in SETS),
    ]  # fmt: skip
    lost = [f"{row['method']} in {cell}" for cell, result in found.items() for row in result["comparisons"] if row["verdict"] == "worse"]

    def word(found_: Found) -> tuple[str, str]:
        sure = all_as([row for row in found_ if row[0].theirs == 0.0], 1)
        if not lost or not (sure or any(answer == "as stated" for one, _, answer in found_ if one.number == 1)):
            return "does not hold", "No loss to random, or no over-confidence, was shown."
        says = f"Without regularisation the network is over-confident{' on every set' if sure else ''}, and entropy or least confidence loses to random"
        says += f" in {len(lost)} of {len(found) * 2} comparisons"
        cause = f"; that the more over-confident network loses more by entropy is shown on {count(found_, 3)} sets."
        return "holds" if all_as(found_, 1) else "depends", says + cause

    def cell(name: str, recipe: str, method: str) -> str:
        row: Mapping[str, Any] = next(one for one in found[f"{name}.{recipe}"]["comparisons"] if one["method"] == method)
        return f"{points(row['difference'])} ({interval(row['low'], row['high'])}) {row['verdict']}"

    kinds = {f"{said}, {method}'s labels": (method, what) for method in METHODS for said, what in (("over-confidence", "over"), ("ECE", "ece"))}
    both = [(name, recipe) for name in SETS for recipe in RECIPES]
    tables = [
        ("Confidence − accuracy, and calibration error, in points", ("set", "recipe", *kinds),
         [[*where, *(mean(over(*where, *kind), 100) for kind in kinds.values())] for where in both]),
        ("Difference from random in mean accuracy over 20 to 120 labels, in points (95 %), Holm over a cell", ("set", "recipe", *SCORES),
         [[*where, *(cell(*where, method) for method in SCORES)] for where in both]),
    ]  # fmt: skip
    values = {"calibration": kept.rows, "rounds": ROUNDS, "worse than random": lost}
    return Claim("softmax is over-confident and can lose to random", stated, word, tables, values)
