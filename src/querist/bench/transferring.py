"""Other models trained on the index sets that a study saved: is the gain of a method its own, or that of the model that chose?

Reference:
    Munjal et al. 2022, arXiv 2002.09564; Lowell et al. 2019, arXiv 1807.04801 (active sets may not transfer).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from querist.bench.environment import environment
from querist.bench.gains import Retained, retained
from querist.bench.ground import Ground
from querist.bench.index_sets import IndexSets, Recorded, recorded
from querist.bench.ledger import Ledger
from querist.bench.spec import BASELINE
from querist.bench.working import one_thread
from querist.core import catalogue
from querist.core.contracts import Report, no_report
from querist.core.errors import UsageError
from querist.core.optional import require
from querist.core.order import canonical
from querist.core.rng import Streams
from querist.core.spec import digest, spec
from querist.data.datasets import named

if TYPE_CHECKING:
    from querist.learn.inputs import Inputs
    from querist.learn.learner import Learner

DEFAULT_FACTORY: Final = "querist.assemble:simulation"
ORIGINAL: Final = "original"
"""Name of the model that chose, among the others."""
_INPUTS: Final = ("encoder", "weights", "side")


@dataclass(frozen=True)
class Transfer:
    """What was found; `plain` is what `--json` prints.

    Attributes:
        study: Name of the study.
        dataset: Its data set.
        original: Learner options of the model that chose.
        models: Name → learner options of the others.
        budgets: Numbers of labels.
        metric: What the curves measure, as the study did.
        curves: Model → method → seed → its values; the model that chose is called `original`.
        rows: What each method retains under each model.
        trained: How many models were trained, and how many were known from before or shared by several methods.
    """

    study: str
    dataset: str
    original: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]
    budgets: tuple[int, ...]
    metric: str
    curves: Mapping[str, Mapping[str, Mapping[int, Sequence[float]]]]
    rows: tuple[Retained, ...]
    trained: Mapping[str, int]

    def order(self, model: str) -> list[str]:
        """Methods best first by their gain under a model (`original` for the one that chose)."""
        if model == ORIGINAL:
            gains = {row.method: row.original.difference for row in self.rows}
        else:
            gains = {row.method: row.transferred.difference for row in self.rows if row.model == model}
        gains[BASELINE] = 0.0
        return sorted(gains, key=lambda name: (-gains[name], name))

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        curves = {
            model: {name: {str(seed): list(curve) for seed, curve in runs.items()} for name, runs in methods.items()} for model, methods in self.curves.items()
        }
        return {
            "study": self.study,
            "dataset": self.dataset,
            "split": "development",
            "measure": "aubc",
            "metric": self.metric,
            "budgets": list(self.budgets),
            "original": dict(self.original),
            "models": {name: dict(options) for name, options in self.models.items()},
            "retained": [asdict(row) for row in self.rows],
            "order": {model: self.order(model) for model in self.curves},
            "curves": curves,
            "trained": dict(self.trained),
            "environment": environment(),
        }


def transfer(
    source: Path,
    models: Mapping[str, Mapping[str, Any]],
    *,
    methods: Sequence[str] = (),
    seeds: int | None = None,
    ledger: Path | None = None,
    report: Report = no_report,
) -> Transfer:
    """Train other models on every labelled set that a study recorded, with the streams of the run, and compare the gains over the baseline.

    With the study's own recipe as the other model every value comes out as recorded.

    Args:
        source: Folder of the study, or its snapshot.
        models: Name → what differs from the study's learner options: `recipe`, `network`, `scheme`, `encoder`, … With a recipe
            only the encoder of the study is kept.
        methods: Only these; all by default.
        seeds: Only seeds below this number.
        ledger: File that keeps every fit, so that the same call goes on; None keeps none.
        report: Progress.

    Raises:
        UsageError: for a study without index sets, without the baseline or of other makes, or an unknown recipe.
        MissingExtraError: without torch or scipy.
    """
    require("torch", by="training a network here")
    require("scipy.stats", by="comparing methods")
    if not models or ORIGINAL in models:
        raise UsageError("a transfer needs other models", got=", ".join(models) or "none", wanted=f"--recipe NAME; {ORIGINAL!r} is the one that chose")
    for options in models.values():
        if options.get("recipe"):
            catalogue.row(str(options["recipe"]), "recipe")
    found = recorded(source, methods, seeds)
    if found.spec.factory != DEFAULT_FACTORY:
        raise UsageError("only studies of named data sets can be transferred", got=found.spec.factory, wanted=DEFAULT_FACTORY)
    if {BASELINE} == {run.method for run in found.runs} or BASELINE not in {run.method for run in found.runs}:
        raise UsageError("a gain needs finished runs of the baseline and of a method", got=", ".join(sorted({run.method for run in found.runs})))
    with tempfile.TemporaryDirectory(prefix="querist-") as folder, one_thread():
        features = source / "runs" / "features"
        return _Transfer(found, models, ledger, report, features if features.is_dir() else Path(folder)).run()


class _Transfer:
    """One transfer at work."""

    def __init__(self, found: Recorded, models: Mapping[str, Mapping[str, Any]], ledger: Path | None, report: Report, folder: Path) -> None:
        from querist.assemble.simulate import learner_options

        study = found.spec
        self.found, self.report, self.folder = found, report, folder
        self.data = named(study.dataset, study.root)
        self.original = learner_options(study.dataset, study.learner_options())
        self.models = {name: learner_options(study.dataset, {**_kept(self.original, options), **options}) for name, options in models.items()}
        self.fits = Ledger(ledger, {"dataset": study.dataset, "fingerprint": self.data.fingerprint, "study": study.run_sha256})
        self.total = len(self.models) * sum(len(run.rounds) for run in found.runs)
        self.done = self.shared = 0

    def run(self) -> Transfer:
        original = _table(self.found.runs, {(run.method, run.seed): run.curve for run in self.found.runs})
        curves = {ORIGINAL: original, **{name: self._model(name, options) for name, options in self.models.items()}}
        budgets = self.found.spec.budgets
        rows = [row for name in self.models for row in retained(name, budgets, original, curves[name], self.found.spec.margin)]
        trained = {"new": len(self.fits.rows) - self.fits.before, "before": self.fits.before, "shared": self.shared}
        return Transfer(self.found.spec.title, self.data.name, self.original, self.models, budgets, self.found.spec.metric, curves, tuple(rows), trained)

    def _model(self, name: str, options: Mapping[str, Any]) -> dict[str, dict[int, tuple[float, ...]]]:
        from querist.assemble.parts import learner

        ground = Ground.open(self.data, options, self.folder)
        tests = ground.development()

        made = {run.method: learner(options, self.found.spec.strategy(run.method)) for run in self.found.runs}
        curves: dict[tuple[str, int], list[float]] = {}
        for run in self.found.runs:
            for number, labels, _ in run.rounds:
                reached = self._measured(ground, tests, made[run.method], run, number, labels)
                curves.setdefault((run.method, run.seed), []).append(reached)
                self.done += 1
                self.report("transfer", self.done / self.total, {"what": f"{name}: {run.method} seed {run.seed}, {labels:,} labels: {100 * reached:.1f} %"})
        return _table(self.found.runs, curves)

    def _measured(self, ground: Ground, tests: Inputs, made: Learner, run: IndexSets, number: int, labels: int) -> float:
        known = self.data.targets if run.values is None else run.values
        values = {item: known[item] for item in canonical(run.ids[:labels])}
        # Methods of a seed share the first labelled set, and the same labels under the same streams are the same model.
        key = digest({"options": dict(ground.options), "learner": spec(made), "seed": run.seed, "round": number, "labelled": values})
        metric = self.found.spec.metric
        if key in self.fits and metric in self.fits[key]:
            self.shared += 1
        else:
            fitted = ground.fit(made, values, Streams(run.seed, number), values)
            measured = ground.measure(fitted, self.data.test, tests)
            self.fits.add(key, {"accuracy": measured["accuracy"], metric: measured[metric]})
        return float(self.fits[key][metric])


def _kept(original: Mapping[str, Any], options: Mapping[str, Any]) -> Mapping[str, Any]:
    """What another model takes over: everything, or, if it names a recipe of its own, how items are read."""
    return {key: value for key, value in original.items() if key in _INPUTS} if options.keys() & {"recipe", "use"} else original


def _table(runs: Sequence[IndexSets], curves: Mapping[tuple[str, int], Sequence[float]]) -> dict[str, dict[int, tuple[float, ...]]]:
    table: dict[str, dict[int, tuple[float, ...]]] = {}
    for run in runs:
        table.setdefault(run.method, {})[run.seed] = tuple(curves[run.method, run.seed])
    return table
