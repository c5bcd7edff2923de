"""Where dropout is placed: what it does to the network, to what samples choose, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean, median
from typing import Any

from claims_a import Claim, Found, Stated, all_as
from claims_b import AtLeast, told
from retrained import areas, cells

from querist.bench.results import Study
from querist.bench.runs import read_record
from querist.bench.spec import StudySpec
from querist.bench.statistics import paired_t

PLACES = ("head", "last_block", "all")
SCORES = ("bald",)


def word(found: Found) -> tuple[str, str]:
    """What bench.toml's rule gives."""
    moved = [one.what for one, _, answer in found if one.number == 3 and answer != "not shown"]
    rest = f"The gain over random moves with the place in {len(moved)} of two comparisons."
    if all_as(found, 1):
        return "holds", f"Dropout in the head is enough for BALD. {rest}"
    return "not shown", f"BALD with dropout in the head may be inferior. {rest}"


def gains(cell: Mapping[str, Any], method: str) -> dict[int, float]:
    """Seed → area − area of random."""
    ours, theirs = areas(cell, method), areas(cell, "random")
    return {seed: ours[seed] - theirs[seed] for seed in ours}


def seconds(folder: Path, method: str) -> float:
    """Median seconds of scoring in a round."""
    spec = StudySpec.of(Study.open(folder).spec)
    records = [read_record(folder / "runs", method, seed, spec.run_sha256) for seed in spec.seeds_of(method)]
    return median(row.seconds["score"] for record in records if record is not None for row in record.rounds)


def measure(source: Path) -> Claim:
    """The study."""
    found = {place: cells(source)[f"digits.{place}"] for place in PLACES}
    head, both = found["head"], ("last_block", "all")
    stated: list[Stated] = [AtLeast(1, "BALD with dropout in the head and everywhere", areas(head, "bald"), areas(found["all"], "bald"), "same", 100)]
    for method in ("random", "margin"):
        stated += [Stated(2, f"{method} with {place} and with head", areas(found[place], method), areas(head, method), "more", 100) for place in both]
    for method in SCORES:
        stated += [Stated(3, f"{method} − random with {place} and with head", gains(found[place], method), gains(head, method), "more", 100) for place in both]
    rows = []
    for place in PLACES:
        cell = found[place]
        gain = [told(paired_t(areas(cell, method), areas(cell, "random"))) for method in (*SCORES, "margin")]
        cost = [f"{1000 * seconds(source / f'digits.{place}', method):.0f} ms" for method in ("bald", "margin")]
        rows.append([place, f"{100 * fmean(areas(cell, 'random').values()):.1f} %", *gain, *cost])
    heads = ("dropout", "random", "BALD − random", "margin − random", "scoring with samples", "without")
    return Claim("where the Bayesian layers are placed", stated, word, [("By place, mean accuracy over the budget, points (95 %)", heads, rows)])
