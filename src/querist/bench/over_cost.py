"""Methods at equal cost instead of equal items: an image with ten boxes is dearer than one with none, and some methods like the former.

Every unit that the labels of a study took is an axis of its own; seconds follow from assumed ones for each unit, shown at half and at twice as much
too (evaluation protocol, R32).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from querist.bench.analysis import measured
from querist.bench.results import OverCost
from querist.bench.runs import RunRecord
from querist.bench.spec import BASELINE, StudySpec
from querist.bench.statistics import judged, paired_t
from querist.tasks.costs import ASSUMED, ITEMS, LinearCost

FACTORS: Final = (0.5, 1.0, 2.0)


class Axis(NamedTuple):
    """What cost is counted in.

    Attributes:
        unit: Its name.
        factor: What the assumed seconds of each unit are multiplied by.
        cost: Seconds of an effort; None counts the unit itself.
    """

    unit: str
    factor: float = 1.0
    cost: LinearCost | None = None


Curve = tuple[np.ndarray, np.ndarray]
"""What was spent and what was measured, one number a round."""


def over_cost(spec: StudySpec, records: Sequence[RunRecord]) -> list[OverCost]:
    """Every method against random on every axis, over the stretch that both runs of a seed cover; empty where labels cost the same each."""
    return [row for axis in _axes(records) for row in _along(spec, records, axis)]


def _along(spec: StudySpec, records: Sequence[RunRecord], axis: Axis) -> list[OverCost]:
    """The comparisons on one axis: one question, so one family of tests."""
    runs = {(record.method, record.seed): record for record in records}
    rows: list[OverCost] = []
    tests = []
    for method in spec.methods:
        seeds = [seed for name, seed in runs if name == method != BASELINE and (BASELINE, seed) in runs]
        areas = {seed: found for seed in seeds if (found := _areas(spec, runs[method, seed], runs[BASELINE, seed], axis)) is not None}
        if not areas:
            continue
        test = paired_t({seed: area[0] for seed, area in areas.items()}, {seed: area[1] for seed, area in areas.items()})
        ends = [np.mean([_curve(spec, runs[name, seed], axis)[0][-1] for seed in areas]) for name in (method, BASELINE)]
        tests.append(test)
        rows.append(
            OverCost(
                method=method, baseline=BASELINE, unit=axis.unit, factor=axis.factor, spent=float(ends[0]), baseline_spent=float(ends[1]),
                difference=test.difference, low=test.low, high=test.high, n=test.n, p=None, verdict="no verdict",
            )
        )  # fmt: skip
    return [row.model_copy(update={"p": p, "verdict": word}) for row, (p, word) in zip(rows, judged(tests, spec.margin), strict=True)]


def area(curve: Curve, low: float, high: float) -> float:
    """Mean height of a curve of straight pieces between two costs.

    Args:
        curve: Costs, ascending, and heights.
        low: Where to begin.
        high: Where to end, above `low`.
    """
    x, y = curve
    inner = x[(x > low) & (x < high)]
    at = np.concatenate([[low], inner, [high]])
    return float(np.trapezoid(np.interp(at, x, y), at) / (high - low))


def _areas(spec: StudySpec, run: RunRecord, baseline: RunRecord, axis: Axis) -> tuple[float, float] | None:
    """Areas of both over what both have spent, or None if they never spent alike."""
    ours, theirs = _curve(spec, run, axis), _curve(spec, baseline, axis)
    low, high = max(ours[0][0], theirs[0][0]), min(ours[0][-1], theirs[0][-1])
    return (area(ours, low, high), area(theirs, low, high)) if low < high else None


def _curve(spec: StudySpec, run: RunRecord, axis: Axis) -> Curve:
    spent = [row.spent.get(axis.unit, 0.0) if axis.cost is None else axis.cost.seconds(row.spent) for row in run.rounds]
    return np.array(spent, dtype=np.float64), np.array([measured(row, spec.metric) for row in run.rounds])


def _axes(records: Sequence[RunRecord]) -> list[Axis]:
    """Every unit of which some labels take more than others, and seconds."""
    units = list(dict.fromkeys(unit for record in records for row in record.rounds for unit in row.spent if unit != ITEMS))
    units = [unit for unit in units if _varies(records, unit)]
    if not units:
        return []
    assumed = ASSUMED[_kind(records)]
    seconds = [Axis("seconds", factor, replace(assumed, each=tuple(factor * each for each in assumed.each))) for factor in FACTORS]
    return [*(Axis(unit) for unit in units), *(seconds if set(assumed.units) & set(units) else ())]


def _varies(records: Sequence[RunRecord], unit: str) -> bool:
    """Whether some labels take more of the unit than others."""
    each = [row.spent.get(unit, 0.0) / row.spent[ITEMS] for record in records for row in record.rounds if row.spent.get(ITEMS)]
    return max(each, default=0.0) - min(each, default=0.0) > 1e-9


def _kind(records: Sequence[RunRecord]) -> str:
    return str(records[0].data["schema"]["kind"])
