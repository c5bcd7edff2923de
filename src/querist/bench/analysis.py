"""From finished runs to what is printed: a pure function of spec and records, whatever order they came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from querist.bench.measures import Saving, Target, accuracy_at, aubc, label_saving, labels_to_reach, log_saving
from querist.bench.results import AtBudget, Comparison, LabelSaving, MethodResult, Seconds
from querist.bench.runs import RoundRecord, RunRecord
from querist.bench.spec import BASELINE, StudySpec
from querist.bench.statistics import bootstrap_t, detectable_difference, judged, paired_t, shared_seeds
from querist.core.errors import TrainingError

Array = NDArray[np.float64]
MEASURE = "aubc"
_PARTS = tuple(Seconds.model_fields)
CURVE_COLUMNS = ("method", "seed", "round", "labels", "metric", "value", *(f"seconds_{part}" for part in _PARTS))
_RESAMPLES = 20  # root of the resampling stream: the same runs give the same intervals everywhere


def measured(record: RoundRecord, metric: str) -> float:
    """The metric of a study in one round.

    Raises:
        TrainingError: if the round did not measure it.
    """
    return metric_of(record.metrics, metric)


def metric_of(metrics: Mapping[str, float], metric: str) -> float:
    """The metric of a study among those measured.

    Raises:
        TrainingError: if it was not.
    """
    if metric not in metrics:
        raise TrainingError(f"a round measured no {metric}", got=", ".join(metrics), wanted=metric)
    return float(metrics[metric])


def method_results(spec: StudySpec, records: Sequence[RunRecord]) -> dict[str, MethodResult]:
    """What every method reached, in the order of the spec; methods without a finished run have empty lists.

    Args:
        spec: The study.
        records: Finished runs, any order.
    """
    found: dict[str, MethodResult] = {}
    for method in spec.methods:
        runs = sorted((record for record in records if record.method == method), key=lambda record: record.seed)
        curves = [[measured(row, spec.metric) for row in record.rounds] for record in runs]
        found[method] = MethodResult(
            seeds=[record.seed for record in runs],
            metric=spec.metric,
            curve=curves,
            aubc=[float(aubc(spec.budgets, curve)) for curve in curves],
            seconds=_mean_seconds([{part: sum(row.seconds.get(part, 0.0) for row in run.rounds) for part in _PARTS} for run in runs]),
            rounds=[_mean_seconds([run.rounds[place].seconds for run in runs]) for place in range(len(spec.budgets))] if runs else [],
            steps=_mean([sum(sum(row.steps) for row in run.rounds) for run in runs]),
            unlabelled=_mean([sum(sum(row.unlabelled) for row in run.rounds) for run in runs]),
            peak_mb=_mean([run.peak_mb for run in runs]),
        )
    return found


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def compare(methods: Mapping[str, MethodResult], margin: float) -> list[Comparison]:
    """Every method with the baseline by the area under its curve, Holm-adjusted over all of them; methods without shared seeds are left out."""
    base = dict(zip(methods[BASELINE].seeds, methods[BASELINE].aubc, strict=True))
    pairs = {
        name: paired_t(dict(zip(result.seeds, result.aubc, strict=True)), base)
        for name, result in methods.items()
        if name != BASELINE and shared_seeds(dict.fromkeys(result.seeds), base)
    }
    return [
        Comparison(
            method=name,
            baseline=BASELINE,
            measure=MEASURE,
            difference=pair.difference,
            low=pair.low,
            high=pair.high,
            n=pair.n,
            p=p,
            verdict=word,
            p_unadjusted=pair.p,
            low90=pair.low90,
            high90=pair.high90,
            detectable=None if pair.sd is None else detectable_difference(pair.sd, pair.n),
        )
        for (name, pair), (p, word) in zip(pairs.items(), judged(list(pairs.values()), margin), strict=True)
    ]


def at_equal_labels(spec: StudySpec, methods: Mapping[str, MethodResult]) -> list[AtBudget]:
    """Accuracies of every method and the baseline at the fractions of the budget, over shared seeds."""
    budgets, rows = spec.budgets, []
    for name in _challengers(methods):
        seeds, ours, theirs = _shared(methods, name)
        for labels in _marks(spec):
            mine, base = accuracy_at(budgets, ours, labels), accuracy_at(budgets, theirs, labels)
            pair = paired_t(dict(zip(seeds, mine, strict=True)), dict(zip(seeds, base, strict=True)))
            rows.append(
                AtBudget(
                    method=name,
                    baseline=BASELINE,
                    labels=labels,
                    accuracy=float(mine.mean()),
                    baseline_accuracy=float(base.mean()),
                    difference=pair.difference,
                    low=pair.low,
                    high=pair.high,
                    n=pair.n,
                )
            )
    return rows


def savings(spec: StudySpec, methods: Mapping[str, MethodResult]) -> list[LabelSaving]:
    """Labels at equal accuracy of every method and the baseline; the last of a method's fractions is the baseline's final accuracy.

    Labels that tuned the recipe were spent for either, so they count on both sides.
    """
    targets = [Target(fraction=fraction, spent=spec.tuning_labels) for fraction in spec.fractions]
    targets += [Target(accuracy=accuracy) for accuracy in spec.accuracies]
    return [_saving(spec.counted, methods, name, target) for name in _challengers(methods) for target in targets]


def _saving(budgets: Sequence[int], methods: Mapping[str, MethodResult], name: str, target: Target) -> LabelSaving:
    seeds, ours, theirs = _shared(methods, name)
    found = label_saving(budgets, ours, theirs, target)
    low = high = None
    if found.ratio is not None:
        rng = np.random.Generator(np.random.PCG64(_RESAMPLES))
        ends = bootstrap_t(lambda weights: log_saving(budgets, ours, theirs, target, weights), len(seeds), rng)
        low, high = (None, None) if ends is None else (float(np.exp(ends[0])), float(np.exp(ends[1])))
    labels, baseline_labels = (_labels(budgets, curves, found) for curves in (ours, theirs))
    # With fixed accuracies the baseline too may need more labels than were measured; its own accuracies it always reaches.
    ceiling = np.inf if target.accuracy is None else found.ceiling
    return LabelSaving(
        method=name,
        baseline=BASELINE,
        at=found.at,
        ratio=found.ratio,
        low=None if low is None else max(low, found.floor),
        high=None if high is None else min(high, ceiling),
        censored=found.censored,
        fraction=None if target.accuracy is not None else target.fraction,
        bound=_bound(found, labels, baseline_labels),
        low_open=low is not None and low <= found.floor,
        high_open=high is not None and high >= ceiling,
        labels=labels,
        baseline_labels=baseline_labels,
        n=len(seeds),
    )


def _bound(found: Saving, labels: float | None, baseline_labels: float | None) -> float | None:
    if found.censored == "method" and baseline_labels is not None:
        return found.floor
    return found.ceiling if found.censored == "baseline" and labels is not None else None


def _labels(budgets: Sequence[int], curves: Array, found: Saving) -> float | None:
    labels = float(labels_to_reach(budgets, curves.mean(axis=0), found.at))
    return None if np.isnan(labels) else labels


def _challengers(methods: Mapping[str, MethodResult]) -> list[str]:
    base = dict.fromkeys(methods[BASELINE].seeds)
    return [name for name, result in methods.items() if name != BASELINE and shared_seeds(dict.fromkeys(result.seeds), base)]


def _shared(methods: Mapping[str, MethodResult], name: str) -> tuple[list[int], Array, Array]:
    ours, theirs = (dict(zip(methods[key].seeds, methods[key].curve, strict=True)) for key in (name, BASELINE))
    seeds = shared_seeds(ours, theirs)
    return seeds, np.array([ours[seed] for seed in seeds]), np.array([theirs[seed] for seed in seeds])


def _marks(spec: StudySpec) -> list[int]:
    """The budgets nearest to the fractions, so that they are measured ones."""
    budgets = np.array(spec.budgets)
    nearest = (int(budgets[np.abs(budgets - fraction * spec.budget).argmin()]) for fraction in spec.fractions)
    return list(dict.fromkeys(nearest))


def _mean_seconds(rows: Sequence[Mapping[str, float]]) -> Seconds:
    if not rows:
        return Seconds()
    return Seconds(**{part: float(np.mean([row.get(part, 0.0) for row in rows])) for part in _PARTS})


def tidy(spec: StudySpec, records: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """All curves in long form: one row per run, round and metric."""
    ordered = sorted(records, key=lambda record: (spec.methods.index(record.method), record.seed))
    rows: list[dict[str, Any]] = []
    for method, runs in groupby(ordered, key=lambda record: record.method):
        for run in runs:
            for place, row in enumerate(run.rounds, start=1):
                seconds = [row.seconds.get(part, 0.0) for part in _PARTS]
                for metric, value in sorted(row.metrics.items()):
                    cells = (method, run.seed, place, row.labels, metric, value, *seconds)
                    rows.append(dict(zip(CURVE_COLUMNS, cells, strict=True)))
    return rows
