"""Claim 7: the same methods with and without random exploration, early and late."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from claims_a import Claim, Stated
from claims_b import told
from retrained import areas, cells

from querist.bench.statistics import paired_t

SETS = ("penbased", "fashion-mnist-10k")
EARLY, FINAL = 1, 2
PAIRS = (
    ("ff_active", "coreset"), ("explorers:Farthest3", "coreset"), ("explorers:Entropy3", "entropy"), ("exploration_p", "explorers:Exploit"),
)  # fmt: skip
LATE = (("explorers:Farthest3", "explorers:FarthestThenRandom"), ("explorers:Entropy3", "explorers:EntropyThenRandom"))


def word(found: Sequence[tuple[Stated, float | None, str]]) -> str:
    """What bench.toml's rule gives."""
    counts = {said: sum(answer == said for one, _, answer in found if one.number == EARLY) for said in ("as stated", "the opposite", "not shown")}
    if counts["as stated"] == len(PAIRS) * len(SETS):
        return "holds in all eight comparisons"
    told_ = (
        f"early exploration helps in {counts['as stated']} of eight comparisons, costs in {counts['the opposite']}, and shows nothing in {counts['not shown']}"
    )
    return f"depends on how the method does without it: {told_}" if counts["as stated"] else f"does not hold: {told_}"


def measure(source: Path) -> Claim:
    """The claim."""
    found = cells(source)
    stated: list[Stated] = []
    rows, gaps = [], []
    for name in SETS:
        cell = found[name]
        stated += [Stated(EARLY, f"{name}: {_short(a)} and {_short(b)}", areas(cell, a), areas(cell, b), "more", 100) for a, b in PAIRS]
        for a, b in PAIRS:
            without, gain = paired_t(areas(cell, b), areas(cell, "random")), paired_t(areas(cell, a), areas(cell, b))
            gaps.append((without.difference, [name, _short(b), told(without), _short(a), told(gain)]))
        for a, b in LATE:
            stated.append(Stated(FINAL, f"{name}: {_short(a)} and {_short(b)}", areas(cell, a), areas(cell, b), "more", 100))
            stated.append(Stated(FINAL, f"{name}: the same at the last budget", _last(cell, a), _last(cell, b), "more", 100))
        for method in cell["methods"]:
            gain_ = "–" if method == "random" else told(paired_t(areas(cell, method), areas(cell, "random")))
            rows.append(
                [name, _short(method), f"{100 * fmean(areas(cell, method).values()):.1f} %", f"{100 * fmean(_last(cell, method).values()):.1f} %", gain_]
            )
    heads = ("set", "method", "over the budget", "at the last budget", "over the budget − random, points (95 %)")
    tables = [
        ("What exploration adds, by what the method does without it (− random, points, 95 %)", ("set", "without", "without − random", "with", "with − without"),
         [row for _, row in sorted(gaps)]),
        ("All methods", heads, rows),
    ]  # fmt: skip
    return Claim("random exploration in early rounds helps", stated, word, tables)


def _last(cell: dict[str, dict[str, dict[str, list[list[float]]]]], method: str) -> dict[int, float]:
    """Seed → accuracy at the last budget."""
    one = cell["methods"][method]
    return {int(str(seed)): curve[-1] for seed, curve in zip(one["seeds"], one["curve"], strict=True)}


def _short(method: str) -> str:
    return method.rpartition(":")[2]
