"""A recipe tuned on random labelled sets and a counted validation set, then frozen for all methods.

The development split stays shut, as does the final test set: the objective is measured on items taken out of the pool. How many
labels the search saw is part of its result, for a study that counts honestly counts them.

Reference:
    Munjal et al. 2022, arXiv 2002.09564 (baselines with tuned recipes); Bergstra & Bengio 2012 (random search).
"""

from __future__ import annotations

import datetime
import itertools
import math
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from querist.bench.environment import environment
from querist.bench.ground import Ground, cost
from querist.bench.ledger import Ledger
from querist.bench.search_space import Dimension, Params, applied, grid, own, space
from querist.bench.statistics import LEAST_SEEDS, PairedT, paired_t, verdict
from querist.bench.working import one_thread
from querist.core.contracts import Report, no_report
from querist.core.errors import TrainingError, UsageError
from querist.core.optional import require
from querist.core.order import canonical
from querist.core.rng import Streams, stream
from querist.core.spec import digest, spec
from querist.data.datasets import named

if TYPE_CHECKING:
    from querist.learn.learner import Learner

METRIC: Final = "accuracy"
OWN: Final = 0
"""Number of the trial with the recipe's own settings."""


@dataclass(frozen=True)
class Request:
    """What to tune, and on what.

    Attributes:
        dataset: Named data set.
        root: Folder with its files.
        learner: Learner options; the set's own recipe by default.
        labels: Sizes of the labelled sets; () for 5 and 20 a class.
        validation: Items taken out of the pool for the objective; 0 for a fifth of the pool, at most 500.
        trials: Settings tried, the recipe's own among them.
        sets: Labelled sets that every trial is scored on.
        confirm: Fresh labelled sets on which the best trial meets the recipe's own settings; at least 5 for a verdict.
        over: What to search; see `search_space.space`.
        grid: All combinations of a small grid instead of random draws; `trials` is then no limit.
        seed: Root of all draws.
    """

    dataset: str
    root: str | None = None
    learner: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[int, ...] = ()
    validation: int = 0
    trials: int = 16
    sets: int = 2
    confirm: int = LEAST_SEEDS
    over: tuple[str, ...] = ()
    grid: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Trial:
    """One setting and how it did.

    Attributes:
        trial: Its number; 0 are the recipe's own settings.
        params: The settings; `steps` as a factor.
        scores: Number of labels → accuracy on the validation items, one per labelled set.
        score: Mean over all; None if training diverged.
        seconds: Time that it took.
        error: Why there is no score.
    """

    trial: int
    params: Mapping[str, float]
    scores: Mapping[str, list[float]]
    score: float | None
    seconds: float
    error: str | None = None


@dataclass(frozen=True)
class Confirmed:
    """The best trial against the recipe's own settings, on labelled sets that the search has not seen.

    Attributes:
        best: Mean over label counts, one per fresh set.
        own: The same of the recipe's own settings.
        paired: Paired over the sets; the validation items are the same throughout, so their choice is not in the interval.
        verdict: What may be said.
    """

    best: list[float]
    own: list[float]
    paired: PairedT
    verdict: str


@dataclass(frozen=True)
class Tuned:
    """The result; `plain` is what `--json` prints.

    Attributes:
        request: What was asked, with its sizes filled in.
        dimensions: The space.
        trials: All of them, in order.
        best: Number of the trial with the highest score.
        confirmed: Its second test, None if the recipe's own settings were best.
        chosen: Number of the trial that the learner table is made of.
        learner: The learner table.
        counted: Labels that the search saw: `validation`, `labelled`, `total`.
        sampled: Digests and, for the validation items, the ids.
        fingerprint: Of the data.
        seconds: Sum over all fits.
    """

    request: Request
    dimensions: tuple[Dimension, ...]
    trials: tuple[Trial, ...]
    best: int
    confirmed: Confirmed | None
    chosen: int
    learner: Mapping[str, Any]
    counted: Mapping[str, int]
    sampled: Mapping[str, Any]
    fingerprint: str
    seconds: float

    def plain(self) -> dict[str, Any]:
        """JSON-ready, with the provenance that a snapshot of a study wants."""
        asked = asdict(self.request)
        return {
            "dataset": self.request.dataset,
            "recipe": self.learner.get("recipe"),
            "trials": [asdict(trial) for trial in self.trials],
            "best": self.best,
            "confirmed": None if self.confirmed is None else asdict(self.confirmed),
            "chosen": self.chosen,
            "learner": dict(self.learner),
            "counted": dict(self.counted),
            "provenance": {
                "method": "random",
                "search": "grid" if self.request.grid else "random search",
                "space": [asdict(dimension) for dimension in self.dimensions],
                "trials": len(self.trials),
                "objective": f"mean {METRIC} on {self.request.validation} validation items of the pool",
                "labels_seen": {**self.counted, **self.sampled},
                "seed": self.request.seed,
                "request": asked,
                "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
                "dataset_fingerprint": self.fingerprint,
                "environment": environment(),
            },
            "seconds": self.seconds,
        }


def tune(request: Request, *, ledger: Path | None = None, report: Report = no_report) -> Tuned:
    """Search, and confirm the best on fresh labelled sets.

    The tuned settings are chosen only if their mean there is above that of the recipe's own; whether the difference is shown, the
    verdict says.

    Args:
        request: What to tune.
        ledger: File that keeps every fit, so that the same call goes on where it was cut off; None keeps none.
        report: Progress, by optimiser steps.

    Raises:
        UsageError: for sizes that the pool cannot give, settings that the recipe does not have, or a ledger of another search.
        MissingExtraError: without torch or scipy.
        TrainingError: if no trial could be trained.
    """
    require("torch", by="training a network here")
    require("scipy.stats", by="comparing settings")
    with tempfile.TemporaryDirectory(prefix="querist-") as folder, one_thread():
        return _Search(request, ledger, report, Path(folder)).run()


class _Search:
    """One search at work."""

    def __init__(self, request: Request, ledger: Path | None, report: Report, folder: Path) -> None:
        from querist.assemble.parts import learner
        from querist.assemble.simulate import learner_options

        data = named(request.dataset, request.root)
        self.request = request = _sized(request, len(data.candidates), len(data.classes))
        self.options = learner_options(request.dataset, request.learner)
        self.recipe: Learner = learner(self.options, "random")
        self.dimensions = space(self.recipe, request.over)
        pool = list(data.candidates)
        order = stream(request.seed, 0, "split").permutation(len(pool))
        self.validation = canonical(pool[row] for row in order[: request.validation])
        rest = [pool[row] for row in sorted(order[request.validation :])]
        self.sets = {place: _labelled(rest, request.seed, place, max(request.labels)) for place in range(request.sets + request.confirm)}
        self.fits = Ledger(ledger, {**asdict(request), "trials": None, "learner": spec(self.recipe), "fingerprint": data.fingerprint})
        self.ground = Ground.open(data, self.options, folder)
        self.report = report
        self.plan = list(self._settings())
        sides = 1 if len(self.plan) < 2 else 2
        work = itertools.chain(((params, request.sets) for params in self.plan), ((self.plan[OWN], request.confirm) for _ in range(sides)))
        self.work = sum(count * sum(self._cost(params, size) for size in request.labels) for params, count in work)
        self.worked = 0.0

    def run(self) -> Tuned:
        screening = range(self.request.sets)
        trials = tuple(self._trial(number, params, screening) for number, params in enumerate(self.plan))
        scored = [trial for trial in trials if trial.score is not None]
        if not scored:
            raise TrainingError("no trial could be trained", got=trials[OWN].error, hint="Search lower rates: --over rate=1e-5..1e-3.")
        best = max(scored, key=lambda trial: (trial.score, -trial.trial))
        confirmed, chosen = (None, OWN) if best.trial == OWN else self._confirm(best.trial)
        self.report("tune", 1.0, {"what": "done"})
        seen = {item for ids in self.sets.values() for item in ids}
        return Tuned(
            request=self.request,
            dimensions=self.dimensions,
            trials=trials,
            best=best.trial,
            confirmed=confirmed,
            chosen=chosen,
            learner=self._table(self.plan[chosen]),
            counted={"validation": len(self.validation), "labelled": len(seen), "total": len(self.validation) + len(seen)},
            sampled={"validation_ids": list(self.validation), "labelled_sha256": digest(canonical(seen))},
            fingerprint=self.ground.data.fingerprint,
            seconds=sum(float(row["seconds"]) for row in self.fits.rows.values()),
        )

    def _settings(self) -> Iterator[Params]:
        """The recipe's own, then the others; a search with more trials begins with those of one with fewer."""
        first = own(self.dimensions)
        yield first
        if self.request.grid:
            yield from (params for params in grid(self.dimensions) if params != first)
            return
        for number in range(1, self.request.trials):
            rng = stream(self.request.seed, number, "select")
            yield {dimension.name: dimension.draw(rng) for dimension in self.dimensions}

    def _trial(self, number: int, params: Params, places: Sequence[int]) -> Trial:
        scores: dict[str, list[float]] = {str(size): [] for size in self.request.labels}
        seconds = 0.0
        for place, size in itertools.product(places, self.request.labels):
            row = self._fit(number, params, place, size)
            seconds += float(row["seconds"])
            if row["score"] is None:
                return Trial(number, params, scores, None, seconds, str(row["error"]))
            scores[str(size)].append(float(row["score"]))
        return Trial(number, params, scores, float(np.mean(list(scores.values()))), seconds)

    def _confirm(self, best: int) -> tuple[Confirmed, int]:
        fresh = range(self.request.sets, self.request.sets + self.request.confirm)
        sides = {number: self._trial(number, self.plan[number], fresh) for number in (best, OWN)}
        if not fresh or sides[best].score is None or sides[OWN].score is None:
            failed = OWN if sides[best].score is None else best
            return Confirmed([], [], PairedT(0, 0.0), "no verdict"), failed
        means = {number: [float(value) for value in np.mean(list(side.scores.values()), axis=0)] for number, side in sides.items()}
        pair = paired_t(dict(enumerate(means[best])), dict(enumerate(means[OWN])))
        return Confirmed(means[best], means[OWN], pair, verdict(pair, pair.p)), best if pair.difference > 0 else OWN

    def _fit(self, number: int, params: Params, place: int, size: int) -> Mapping[str, Any]:
        key = f"trial {number}, set {place}, {size} labels"
        if key not in self.fits:
            begun = time.monotonic()
            score, error = None, None
            try:
                fitted = self.ground.fit(applied(self.recipe, params), self.sets[place][:size], Streams(self.request.seed, 1 + place))
                score = self.ground.measure(fitted, {item: self.ground.data.targets[item] for item in self.validation})[METRIC]
            except TrainingError as failed:
                error = str(failed)
            self.fits.add(
                key, {"trial": number, "params": params, "set": place, "labels": size, "score": score, "error": error, "seconds": time.monotonic() - begun}
            )
        self.worked += self._cost(params, size)
        said = self.fits[key]["score"]
        self.report("tune", min(self.worked / self.work, 1.0), {"what": f"{key}: {'diverged' if said is None else f'{100 * said:.1f} %'}"})
        return self.fits[key]

    def _cost(self, params: Mapping[str, float], labels: int) -> float:
        return cost(applied(self.recipe, params), labels)

    def _table(self, params: Params) -> dict[str, Any]:
        made = applied(self.recipe, params)
        kept = {key: value for key, value in self.options.items() if key not in ("steps", "scheme", "network") and value is not None}
        return {**kept, "network": spec(made.network), "scheme": spec(made.scheme)}


def _labelled(pool: Sequence[str], seed: int, place: int, size: int) -> list[str]:
    """A random order of which the first j items are the labelled set of j."""
    return [pool[row] for row in stream(seed, place, "init_set").permutation(len(pool))[:size]]


def _sized(request: Request, pool: int, classes: int) -> Request:
    from dataclasses import replace

    validation = request.validation or min(500, pool // 5)
    left = pool - validation
    labels = tuple(sorted(set(request.labels))) or tuple(sorted({min(5 * classes, left), min(20 * classes, left)}))
    if min(request.trials, request.sets, labels[0], validation) < 1 or request.confirm < 0:
        raise UsageError("trials, sets, labels and validation items must be at least 1", got=f"{request.trials}, {request.sets}, {labels[0]}, {validation}")
    if labels[-1] > left:
        raise UsageError("the pool is too small for this", got=f"{labels[-1]} labels and {validation} validation items", wanted=f"{pool} together")
    if request.validation and request.validation >= pool:
        raise UsageError("--validation takes the whole pool", got=validation, wanted=f"less than {pool}")
    return replace(request, labels=labels, validation=validation)


def toml(tuned: Tuned, provenance: str) -> str:
    """The learner table and the labels that it cost, as they may be pasted into a study, with their origin in comments.

    Args:
        tuned: The result.
        provenance: Name of the file with all trials.
    """
    counted, request = tuned.counted, tuned.request
    head = [
        f"# Tuned on random labelled sets of {request.dataset}, the development split unseen; all trials: {provenance}",
        f"# Labels seen: {counted['total']:,} ({counted['validation']:,} for validation, {counted['labelled']:,} in labelled sets).",
        f"# Settings: {'the recipe’s own' if tuned.chosen == OWN else _said(tuned.trials[tuned.chosen].params)}",
        "",
        f"tuning_labels = {counted['total']}",
        "",
    ]
    return "\n".join([*head, *_table("learner", tuned.learner)]) + "\n"


def _said(params: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {'× ' if name == 'steps' else ''}{value:g}" for name, value in params.items())


def _table(name: str, table: Mapping[str, Any]) -> list[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping) and value is not None}
    lines = [f"[{name}]", *(f"{key} = {_literal(value)}" for key, value in plain.items())]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += ["", *_table(f"{name}.{key}", value)]
    return lines


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    return str(value)
