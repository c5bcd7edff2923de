"""Is this data set worth active learning? Importance of examples, redundancy, and how accuracy falls with random and with the best subsets.

The analysis reads every label of the pool, which nobody has when learning actively; it says what there is to gain, not what a method gains.

Reference:
    Vodrahalli, Li & Malik 2018, "Are all training examples created equal? An empirical study", arXiv 1811.12569.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from querist.bench.environment import environment
from querist.bench.ground import Ground, cost
from querist.bench.redundancy import DENSE, NEAR, SAMPLE, Redundancy, redundancy
from querist.bench.retention import FAMILIES, SMALL, Contrast, Finding, Kept, contrasts, finding, gini, sizes, thresholds
from querist.bench.working import one_thread
from querist.core.contracts import Report, no_report
from querist.core.errors import UsageError
from querist.core.optional import require
from querist.core.rng import Streams, stream
from querist.data.datasets import named
from querist.kernels.points import Outer
from querist.kernels.seeding import kmeans_pp

if TYPE_CHECKING:
    from querist.learn.learner import Fitted, Learner

Values = NDArray[np.float64]

REDUNDANT: Final = 0.1
"""From this share of items with a near-duplicate on, a data set is called redundant."""
EARLY: Final = 0.1
"""EL2N is taken after this part of the steps, as its authors do, and averaged over the seeds."""
SPREAD_CAP: Final = 10_000
"""Largest subset that is spread out."""
LISTED: Final = 20


@dataclass(frozen=True)
class Analysis:
    """What was found; `plain` is what `--json` prints.

    Attributes:
        dataset: Named data set.
        recipe: Recipe of the learner.
        seed: First seed.
        seeds: How many.
        items: Size of the pool.
        classes: Number of classes.
        full_accuracy: Mean on the development split when trained on the whole pool.
        importance: Mode, Gini coefficient, quantiles, histogram, agreement between seeds, the most important items.
        inputs: Redundancy of the items as the learner reads them.
        features: Redundancy of the trained network's features.
        retention: Accuracy of subsets.
        comparisons: Chosen small subsets against random ones.
        finding: The verdict.
        seconds: Time that it took.
    """

    dataset: str
    recipe: str
    seed: int
    seeds: int
    items: int
    classes: int
    full_accuracy: float
    importance: Mapping[str, Any]
    inputs: Redundancy
    features: Redundancy
    retention: tuple[Kept, ...]
    comparisons: tuple[Contrast, ...]
    finding: Finding
    seconds: float

    @property
    def redundant(self) -> bool:
        """Whether many items have a copy, or a near-duplicate in a space where that is no accident."""
        return self.inputs.copies >= REDUNDANT or (self.inputs.near_duplicates >= REDUNDANT and self.inputs.effective_rank >= DENSE)

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        kept = [{**asdict(row), "mean": row.mean} for row in self.retention]
        return {
            **asdict(self),
            "retention": kept,
            "redundant": self.redundant,
            "split": "development",
            "thresholds": {**thresholds(), "near_duplicate": NEAR, "dense": DENSE, "redundant": REDUNDANT},
            "environment": environment(),
        }


def analyse(
    dataset: str,
    *,
    root: str | None = None,
    learner: Mapping[str, Any] | None = None,
    mode: str = "grad_norm",
    seed: int = 0,
    seeds: int = 5,
    report: Report = no_report,
) -> Analysis:
    """Train on the whole pool and on parts of it, and say what choosing could gain.

    Every seed trains on the whole pool, ranks the items by the norm of their gradient at the end of training, and trains from
    scratch on the top, the bottom, a random and a spread-out part of each size, with the same streams. Accuracy is that on the
    development split; the final test set stays shut.

    Args:
        dataset: Named data set.
        root: Folder with its files.
        learner: Learner options; the set's own recipe by default.
        mode: `grad_norm`, `last_layer` or `el2n`; see `learn.importance`.
        seed: First seed.
        seeds: How many; below five nothing is called worth it.
        report: Progress.

    Raises:
        UsageError: for an unknown set, recipe or mode, or fewer than one seed.
        MissingExtraError: without torch or scipy.
    """
    if seeds < 1:
        raise UsageError("an analysis needs a seed", got=seeds, wanted="at least 1")
    with tempfile.TemporaryDirectory(prefix="querist-") as folder, one_thread():
        return _Bench(dataset, root, learner or {}, mode, range(seed, seed + seeds), report, Path(folder)).run()


class _Bench:
    """One analysis at work."""

    def __init__(self, dataset: str, root: str | None, learner: Mapping[str, Any], mode: str, seeds: range, report: Report, folder: Path) -> None:
        data = named(dataset, root)
        require("torch", by="training a network here")
        require("scipy.stats", by="comparing subsets")
        from querist.assemble.parts import learner as made
        from querist.assemble.simulate import learner_options
        from querist.learn.importance import MODES

        if mode not in MODES:
            raise UsageError("unknown kind of importance", got=mode, wanted=", ".join(MODES))
        self.options = learner_options(dataset, learner)
        self.learner: Learner = made(self.options, "random")
        self.ground = Ground.open(data, self.options, folder)
        self.ids = list(data.candidates)
        self.targets = self.ground.task.targets({item: data.targets[item] for item in self.ids})
        self.tests, self.test_inputs = data.test, self.ground.development()
        self.sizes = sizes(len(self.ids), len(data.classes))
        self.mode, self.seeds, self.report = mode, seeds, report
        self.begun = time.monotonic()
        whole = [count for count in self.sizes.values() if count == len(self.ids)]
        parts = [count for count in self.sizes.values() if count < len(self.ids)]
        self.work = len(seeds) * (sum(map(self._cost, whole)) + len(FAMILIES) * sum(map(self._cost, parts)))
        self.worked = 0.0

    def run(self) -> Analysis:
        fulls = {seed: self._whole(seed) for seed in self.seeds}
        scores = {seed: self._importance(full, seed) for seed, full in fulls.items()}
        mean = np.mean(list(scores.values()), axis=0)
        cells: dict[tuple[str, float], list[float]] = {}
        for seed, full in fulls.items():
            reached = self._accuracy(full)
            for family in FAMILIES:
                cells.setdefault((family, 1.0), []).append(reached)
            self._parts(seed, mean if self.mode == "el2n" else scores[seed], full, cells)
        return self._found(list(scores.values()), fulls[self.seeds[0]].score(self._sampled()).features, cells)

    def _whole(self, seed: int) -> Fitted:
        fitted = self.ground.fit(self.learner, self.ids, Streams(seed, 1))
        self._did(len(self.ids), f"seed {seed}: the whole pool")
        return fitted

    def _importance(self, full: Fitted, seed: int) -> Values:
        from querist.learn.importance import importance

        if self.mode == "el2n":
            full = self.ground.fit(_early(self.learner, len(self.ids)), self.ids, Streams(seed, 1))
        return importance(full, self.ground.task, self.ids, self.targets, self.mode)

    def _parts(self, seed: int, scores: Values, full: Fitted, cells: dict[tuple[str, float], list[float]]) -> None:
        falling = np.argsort(-scores, kind="stable")
        orders = {
            "random": stream(seed, 1, "subpool").permutation(len(self.ids)),
            "top": falling,
            "spread": self._spread(full, seed),
            "bottom": falling[::-1],
        }
        for share, count in self.sizes.items():
            for family, order in orders.items():
                if count == len(self.ids) or count > len(order):
                    continue
                part = self.ground.fit(self.learner, [self.ids[row] for row in order[:count]], Streams(seed, 1))
                cells.setdefault((family, share), []).append(self._accuracy(part))
                self._did(count, f"seed {seed}: {family} {100 * share:g} %")

    def _spread(self, full: Fitted, seed: int) -> NDArray[np.int64]:
        """Rows drawn one after the other by k-means++ on last-layer gradients under the true label, their lengths as square roots.

        So the first draws go by importance, and none is spent on a copy of what was drawn.
        """
        scored = full.score(self.ids)
        residual = scored.probs.mean(axis=1, dtype=np.float64)
        residual[np.arange(len(residual)), self.targets] -= 1.0
        length = np.sqrt(np.linalg.norm(residual, axis=1, keepdims=True))
        residual = np.divide(residual, length, out=np.zeros_like(residual), where=length > 0)
        wanted = max([count for share, count in self.sizes.items() if share <= SMALL], default=0)
        return kmeans_pp(Outer(residual, scored.features), min(wanted, SPREAD_CAP), stream(seed, 1, "select"))[0]

    def _accuracy(self, fitted: Fitted) -> float:
        return self.ground.measure(fitted, self.tests, self.test_inputs)["accuracy"]

    def _sampled(self) -> list[str]:
        rows = np.sort(stream(self.seeds[0], 0, "subpool").permutation(len(self.ids))[: 2 * SAMPLE])
        return [self.ids[row] for row in rows]

    def _found(self, scores: Sequence[Values], features: NDArray[Any], cells: Mapping[tuple[str, float], Sequence[float]]) -> Analysis:
        full = float(np.mean(cells["random", 1.0]))
        kept = tuple(
            Kept(family, share, self.sizes[share], tuple(values), float(np.mean(values)) / full if full else 0.0)
            for (family, share), values in sorted(cells.items(), key=lambda cell: (cell[0][1], FAMILIES.index(cell[0][0])))
        )
        compared = tuple(contrasts(kept))
        return Analysis(
            dataset=self.ground.data.name,
            recipe=str(self.options.get("recipe")),
            seed=self.seeds[0],
            seeds=len(self.seeds),
            items=len(self.ids),
            classes=len(self.ground.data.classes),
            full_accuracy=full,
            importance=_importance(scores, self.ids, self.mode),
            inputs=redundancy(self._flat(), stream(self.seeds[0], 0, "subpool")),
            features=redundancy(features, stream(self.seeds[0], 0, "subpool")),
            retention=kept,
            comparisons=compared,
            finding=finding(kept, compared),
            seconds=time.monotonic() - self.begun,
        )

    def _flat(self) -> NDArray[np.float32]:
        """The pool as the learner reads it, one row an item."""
        parts = [self.ground.inputs.batch(self.ids[start : start + 1024]).numpy() for start in range(0, len(self.ids), 1024)]
        return np.concatenate(parts).reshape(len(self.ids), -1)

    def _cost(self, labels: int) -> float:
        return cost(self.learner, labels)

    def _did(self, labels: int, what: str) -> None:
        self.worked += self._cost(labels)
        self.report("analyse", min(self.worked / self.work, 1.0), {"what": what})


def _early(learner: Learner, labels: int) -> Learner:
    """The same learner, stopped after a part of its steps."""
    from querist.learn.schemes.supervised import Steps, Supervised

    if not isinstance(learner.scheme, Supervised):
        raise UsageError("EL2N is taken early in supervised training", got=type(learner.scheme).__name__, wanted="Supervised, or another --importance")
    steps = max(1, round(EARLY * learner.scheme.steps(labels)))
    return replace(learner, scheme=replace(learner.scheme, steps=Steps(0.0, steps, steps)))


def _importance(scores: Sequence[Values], ids: Sequence[str], mode: str) -> dict[str, Any]:
    mean = np.mean(scores, axis=0)
    counts, edges = np.histogram(mean, bins=20)
    falling = np.argsort(-mean, kind="stable")
    return {
        "mode": mode,
        "gini": gini(mean),
        "top_10_share": float(mean[falling[: max(1, len(mean) // 10)]].sum() / mean.sum()) if mean.sum() > 0 else 0.0,
        "quantiles": {str(q): float(np.quantile(mean, q)) for q in (0.0, 0.1, 0.5, 0.9, 1.0)},
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
        "agreement": _agreement(scores),
        "most_important": [ids[row] for row in falling[:LISTED]],
    }


def _agreement(scores: Sequence[Values]) -> float | None:
    """Mean rank correlation between the seeds: whether importance belongs to the items or to the run."""
    if len(scores) < 2:
        return None
    ranks = require("scipy.stats", by="comparing importances").rankdata(np.stack(scores), axis=1)
    table = np.corrcoef(ranks)
    return float(table[np.triu_indices(len(scores), 1)].mean())
