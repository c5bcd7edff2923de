"""How much of a gain over the baseline is left under another model: plain curves in, paired intervals out.

Reference:
    Fieller 1954 (interval of a ratio of paired means).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from querist.bench.measures import aubc
from querist.bench.spec import BASELINE
from querist.bench.statistics import MARGIN, PairedT, Verdict, judged, paired_t, shared_seeds
from querist.core.optional import require

Curves = Mapping[str, Mapping[int, Sequence[float]]]
"""Method → seed → accuracy at every budget."""


@dataclass(frozen=True, slots=True)
class Gain:
    """A method against the baseline under one model, by area under the budget curve; p is Holm-adjusted over the methods of that model."""

    difference: float
    low: float | None
    high: float | None
    n: int
    p: float | None
    verdict: Verdict
    curve: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Retained:
    """A method's gain under its own model and under another one, over the same seeds.

    Attributes:
        method: The method.
        model: The other model.
        original: Gain over the baseline under the model that chose.
        transferred: Gain of the same index sets under the other model.
        share: `transferred / original`; None unless the verdict on the original gain is `better`.
        low: Lower end of its 95 % interval (Fieller), None without a share, or where the original gain may be 0 at that level.
        high: Upper end.
        change: `transferred - original`, paired over seeds.
    """

    method: str
    model: str
    original: Gain
    transferred: Gain
    share: float | None
    low: float | None
    high: float | None
    change: PairedT


def retained(model: str, budgets: Sequence[int], original: Curves, transferred: Curves, margin: float = MARGIN) -> list[Retained]:
    """What is retained, method by method, over the seeds that both have under both models.

    Args:
        model: Name of the other model.
        budgets: (t,) numbers of labels.
        original: Curves under the model that chose, the baseline among them.
        transferred: Curves of the same index sets under the other model.
        margin: Half-width of the zone of equivalence.
    """
    kept = {name: _both(name, original, transferred) for name in transferred if name != BASELINE}
    kept = {name: seeds for name, seeds in kept.items() if seeds}
    sides = [_gains(budgets, curves, kept, margin) for curves in (original, transferred)]
    rows = []
    for name, seeds in kept.items():
        ours, theirs = (_differences(budgets, curves, name, seeds) for curves in (original, transferred))
        first, second = sides[0][name], sides[1][name]
        shown = first.verdict == "better"
        share = second.difference / first.difference if shown else None
        low, high = fieller(theirs, ours) if shown else (None, None)
        change = paired_t(dict(zip(seeds, theirs, strict=True)), dict(zip(seeds, ours, strict=True)))
        rows.append(Retained(name, model, first, second, share, low, high, change))
    return rows


def fieller(numerator: NDArray[np.float64], denominator: NDArray[np.float64], level: float = 0.95) -> tuple[float | None, float | None]:
    """Interval of mean(numerator) / mean(denominator) over pairs; (None, None) where the denominator may be 0 at this level.

    Args:
        numerator: (n,), n ≥ 2.
        denominator: (n,), paired with it.
        level: Coverage.
    """
    n = len(numerator)
    t = float(require("scipy.stats", by="comparing methods").t.ppf(0.5 + level / 2, n - 1))
    (top, mixed), (_, bottom) = np.cov(numerator, denominator, ddof=1) * t**2 / n
    a, b = float(numerator.mean()), float(denominator.mean())
    square = b**2 - bottom
    if not square > 0:
        return None, None
    middle = a * b - mixed
    root = math.sqrt(max(middle**2 - square * (a**2 - top), 0.0))
    return (middle - root) / square, (middle + root) / square


def _gains(budgets: Sequence[int], curves: Curves, kept: Mapping[str, Sequence[int]], margin: float) -> dict[str, Gain]:
    areas = {name: {seed: float(aubc(budgets, curve)) for seed, curve in runs.items()} for name, runs in curves.items()}
    pairs = {name: paired_t(*({seed: areas[side][seed] for seed in seeds} for side in (name, BASELINE))) for name, seeds in kept.items()}
    return {
        name: Gain(
            pair.difference, pair.low, pair.high, pair.n, p, word,
            tuple(float(value) for value in np.mean([np.subtract(curves[name][seed], curves[BASELINE][seed]) for seed in kept[name]], axis=0)),
        )
        for (name, pair), (p, word) in zip(pairs.items(), judged(list(pairs.values()), margin), strict=True)
    }  # fmt: skip


def _differences(budgets: Sequence[int], curves: Curves, name: str, seeds: Sequence[int]) -> NDArray[np.float64]:
    return np.array([float(aubc(budgets, np.subtract(curves[name][seed], curves[BASELINE][seed]))) for seed in seeds])


def _both(name: str, *sides: Curves) -> list[int]:
    seeds = [set(shared_seeds(curves.get(name, {}), curves.get(BASELINE, {}))) for curves in sides]
    return sorted(set.intersection(*seeds))
