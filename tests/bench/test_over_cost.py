"""Curves over cost: what two methods reach when they have spent alike."""

from __future__ import annotations

import numpy as np
import pytest

from querist.bench.over_cost import area, over_cost
from querist.bench.runs import RoundRecord, RunRecord
from querist.bench.spec import StudySpec
from querist.bench.tables import cost_rows

SPEC = StudySpec.of({"dataset": "boxes", "methods": ["random", "entropy"], "metric": "ap50", "initial": 10, "batch": 10, "budget": 30, "baseline_factor": 1})


def run(method: str, seed: int, boxes: list[float], found: list[float], kind: str = "detection") -> RunRecord:
    rows = [RoundRecord(labels, {"ap50": value}, {}, spent={"items": labels, "boxes": count} if boxes[0] else {})
            for labels, count, value in zip((10, 20, 30), boxes, found, strict=True)]  # fmt: skip
    return RunRecord(method, seed, "", tuple(rows), data={"schema": {"kind": kind}})


def test_the_area_is_the_mean_height() -> None:
    curve = (np.array([0.0, 10.0, 20.0]), np.array([0.0, 1.0, 1.0]))
    assert area(curve, 0.0, 20.0) == pytest.approx(0.75)
    assert area(curve, 5.0, 10.0) == pytest.approx(0.75), "between the measured costs the curve is straight"
    assert area(curve, 10.0, 20.0) == pytest.approx(1.0)


def test_what_buys_crowded_images_pays_for_it() -> None:
    records = [run("random", seed, [20, 40, 60], [0.1, 0.2, 0.3]) for seed in range(6)]
    records += [run("entropy", seed, [40, 80, 120], [0.2, 0.4 + 0.001 * seed, 0.6]) for seed in range(6)]
    rows = {(row.unit, row.factor): row for row in over_cost(SPEC, records)}
    boxes = rows["boxes", 1.0]
    assert (boxes.spent, boxes.baseline_spent, boxes.n) == (120, 60, 6)
    # Both have spent 40 to 60 boxes: random goes from .2 to .3, entropy from .2 to .3 (half of the way to .4).
    assert boxes.difference == pytest.approx(0.5 * 0.5 * 0.001 * 2.5 / 1, abs=1e-6) and boxes.verdict in ("better", "equivalent")
    seconds = rows["seconds", 1.0]
    assert seconds.spent == 30 * 5 + 120 * 7 and rows["seconds", 2.0].spent == 30 * 5 + 120 * 14, "the assumed seconds a box are doubled, not those an image"
    assert rows["seconds", 0.5].difference > seconds.difference > rows["seconds", 2.0].difference, "the less a box costs, the better for who buys many"


def test_seeds_that_never_spent_alike_are_left_out() -> None:
    records = [run("random", 0, [20, 40, 60], [0.1, 0.2, 0.3]), run("entropy", 0, [100, 200, 300], [0.2, 0.4, 0.6])]
    assert [row.unit for row in over_cost(SPEC, records) if row.unit == "boxes"] == []


def test_nothing_is_said_where_labels_cost_alike() -> None:
    records = [run(name, seed, [0, 0, 0], [0.1, 0.2, 0.3], "classification") for name in ("random", "entropy") for seed in range(5)]
    assert over_cost(SPEC, records) == []
    same = [run(name, seed, [10, 20, 30], [0.1, 0.2, 0.3]) for name in ("random", "entropy") for seed in range(5)]
    assert over_cost(SPEC, same) == [], "one box in every image: items say the same"


def test_rows_for_people() -> None:
    records = [run("random", seed, [20, 40, 60], [0.1, 0.2, 0.3]) for seed in range(5)]
    records += [run("entropy", seed, [20, 40, 62], [0.2, 0.3, 0.4]) for seed in range(5)]
    study = type("Study", (), {"over_cost": over_cost(SPEC, records)})()
    lines = cost_rows(study)
    assert lines[0][:4] == ["entropy", "boxes", "62", "60"] and lines[0][5] == "better (n = 5)" and lines[0][4].startswith("+9.7")
    assert [line[1] for line in lines] == ["boxes", "seconds, each 0.5 ×", "seconds", "seconds, each 2 ×"]
