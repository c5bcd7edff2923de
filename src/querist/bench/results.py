"""The record of a study: what `--json` prints, `study.json` keeps, and tables, sentences and reports are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from querist.bench.measures import Censored
from querist.bench.spec import BASELINE
from querist.bench.statistics import Verdict
from querist.core.errors import UsageError


class Record(BaseModel):
    """A frozen part of the record; newer files may hold more than this program knows."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def of_file(cls, file: Path, what: str, command: str) -> Self:
        """The record that a command wrote into a file.

        Args:
            file: The file.
            what: Of what it is the record: `study`.
            command: The command that writes such files.

        Raises:
            UsageError: if the file is not there or holds none.
        """
        try:
            return cls.model_validate_json(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"there is no {what}", got=str(file), wanted=f"a folder with {what}.json, or that file") from error
        except (ValidationError, UnicodeDecodeError) as error:
            raise UsageError(f"this file is not the record of a {what}", got=str(file), wanted=f"{what}.json as `{command}` writes it") from error


class Seconds(Record):
    """Mean seconds: `train`, `score`, `select`."""

    train: float = 0.0
    score: float = 0.0
    select: float = 0.0


class MethodResult(Record):
    """All finished runs of one method.

    Attributes:
        seeds: Seeds that finished, ascending.
        metric: What the curves measure.
        curve: One row per seed, one value per budget.
        aubc: Area under the budget curve, one per seed.
        seconds: Mean over seeds of a whole run.
        rounds: Mean over seeds of every round.
        steps: Optimiser steps of the networks that answer, mean over seeds of a whole run.
        unlabelled: Unlabelled inputs that training read, the same.
        peak_mb: Most memory that a run held, mean over seeds; 0 where unknown.
    """

    seeds: list[int]
    metric: str
    curve: list[list[float]]
    aubc: list[float]
    seconds: Seconds
    rounds: list[Seconds] = []
    steps: float = 0.0
    unlabelled: float = 0.0
    peak_mb: float = 0.0


class Comparison(Record):
    """A paired comparison over shared seeds; positive differences favour the method.

    Attributes:
        method: The method.
        baseline: What it is compared with.
        measure: `aubc`.
        difference: Mean paired difference.
        low: Lower end of the 95 % t interval, None below two seeds.
        high: Upper end.
        n: Shared seeds.
        p: Two-sided, Holm-adjusted over all comparisons of the study.
        verdict: What may be said.
        p_unadjusted: Before the adjustment.
        low90: Lower end of the 90 % interval, for equivalence.
        high90: Upper end.
        detectable: The true difference that these seeds would have found four times in five.
    """

    method: str
    baseline: str
    measure: str
    difference: float
    low: float | None
    high: float | None
    n: int
    p: float | None
    verdict: Verdict
    p_unadjusted: float | None = None
    low90: float | None = None
    high90: float | None = None
    detectable: float | None = None


class Gain(Record):
    """One source of a method's gain, from paired areas under the curve; positive favours the first arm.

    Attributes:
        source: `training` or `query`, after what training.
        method: Arm that has it.
        baseline: Arm that lacks it.
        difference: Mean paired difference.
        low: Lower end of its 95 % t interval, None below two seeds.
        high: Upper end.
        n: Shared seeds.
        p: Two-sided, Holm-adjusted over the gains of the method.
        verdict: What may be said.
    """

    source: str
    method: str
    baseline: str
    difference: float
    low: float | None
    high: float | None
    n: int
    p: float | None
    verdict: Verdict


class AtBudget(Record):
    """Accuracies at equal labels bought, over shared seeds, with the paired 95 % interval of their difference. No verdict hangs on it."""

    method: str
    baseline: str
    labels: int
    accuracy: float
    baseline_accuracy: float
    difference: float
    low: float | None
    high: float | None
    n: int


class OverCost(Record):
    """A method and its baseline at equal cost: difference of the areas under their curves over what both spent, with its paired 95 % interval.

    Attributes:
        unit: What cost is counted in: `boxes`, `tokens`, …, or `seconds`.
        factor: What the assumed seconds of each unit are multiplied by.
        spent: Mean cost of a whole run of the method.
        baseline_spent: The same of the baseline.
        p: Adjusted (Holm) over the methods of the same unit and factor.
    """

    method: str
    baseline: str
    unit: str
    factor: float
    spent: float
    baseline_spent: float
    difference: float
    low: float | None
    high: float | None
    n: int
    p: float | None
    verdict: Verdict


class LabelSaving(Record):
    """Labels needed for equal accuracy, on mean curves of the shared seeds.

    Attributes:
        method: The method.
        baseline: What it is compared with.
        at: The accuracy.
        ratio: Labels of the baseline / labels of the method, above 1 saves; None where one of them never gets there.
        low: Lower end of the 95 % bootstrap-t interval; None with fewer than five seeds or without a ratio.
        high: Upper end.
        censored: Who never gets there.
        fraction: `at` is the baseline's accuracy at this fraction of the budget; None for a fixed accuracy.
        bound: Without a ratio, what is known of it: below this if the method is censored, above it if the baseline is.
        low_open: The interval goes on below `low`, further than the budgets can show.
        high_open: The same above `high`.
        labels: Labels of the method, those that tuned the recipe among them; None where not reached.
        baseline_labels: Labels of the baseline.
        n: Shared seeds.
    """

    method: str
    baseline: str
    at: float
    ratio: float | None
    low: float | None
    high: float | None
    censored: Censored | None = None
    fraction: float | None = None
    bound: float | None = None
    low_open: bool = False
    high_open: bool = False
    labels: float | None = None
    baseline_labels: float | None = None
    n: int = 0


class Failure(Record):
    """A run that did not finish."""

    method: str
    seed: int
    error: str


class Check(Record):
    """What the platform found when it checked itself.

    Attributes:
        name: What was checked.
        verdict: `not shown` where there are too few seeds to tell, `not checked` where the records do not say.
        detail: What was found, in a sentence.
    """

    name: str
    verdict: Literal["holds", "violated", "not shown", "not checked"]
    detail: str = ""


class Void(Record):
    """Something that no claim may rest on, because a check was violated.

    Attributes:
        check: Name of the check.
        reason: What was violated.
        cell: Cell of a bench, None for all of them or for a study of its own.
        method: Method, None for all.
        seed: Seed, None for all.
    """

    check: str
    reason: str
    cell: str | None = None
    method: str | None = None
    seed: int | None = None


class Saturation(Record):
    """What the whole pool gives: random's recipe trained on all of it.

    Attributes:
        labels: Items of the pool.
        seeds: Seeds that were trained.
        values: The metric of each.
        share: Share of the mean from which differences are noise.
        beyond: The first budget at which the baseline's mean curve has that share; None where it never does.
        training: Time of each training; empty in the record of a bench, which holds no times.
    """

    labels: int
    seeds: list[int]
    values: list[float]
    share: float
    beyond: int | None
    training: list[float] = []


class Bought(Record):
    """What one method bought, mean over its runs; labels are those that a run bought, the initial ones included.

    Attributes:
        method: The method.
        runs: Its runs.
        every_class: Labels until every class was seen once, over the runs in which it was; None if in none.
        every_class_missed: Runs in which some class was never seen.
        ten_each: The same until every class was seen ten times, or as often as the pool has it.
        ten_each_missed: Runs in which that never came.
        rarest: The class with the fewest items in the pool.
        rarest_recall: Share of its items that were bought in the end.
        balance: Entropy of the classes bought over its largest value; 1 is even.
        near_duplicates: Share of labels spent on near-duplicates of an earlier one (raw inputs, 15 % of the median distance of two items);
            None where items are no numbers, or were too many to look at.
    """

    method: str
    runs: int
    every_class: float | None
    every_class_missed: int
    ten_each: float | None
    ten_each_missed: int
    rarest: str
    rarest_recall: float
    balance: float
    near_duplicates: float | None


class Trained(Record):
    """Training on what a method chose against training on the whole pool, at equal accuracy (within the study's margin).

    Attributes:
        method: The method.
        labels: First measured budget at which its mean curve, made monotone, is there; None where it never is.
        seconds: Mean time of one training with so many labels.
        full_labels: Items of the pool.
        full_seconds: Mean time of one training with all of them.
    """

    method: str
    labels: int | None
    seconds: float | None
    full_labels: int
    full_seconds: float


class Study(Record):
    """A study with everything that was measured and what may be said about it.

    Attributes:
        study: Its name.
        dataset: Named data set.
        spec_sha256: Digest of all settings with an influence on numbers.
        budgets: Numbers of labels bought at which every run was measured; `counted` adds those that tuned the recipe.
        methods: Name → results, the baseline first.
        comparisons: Every method with the baseline.
        label_saving: The same at equal accuracy.
        out: Folder of the study.
        report: The HTML report.
        snapshot: The file by which the study can be checked, replayed and verified; empty where its runs were recorded without one.
        gains: Ablated method → what its training and what its query give; see `bench.arms`.
        at_budget: The same at equal labels.
        over_cost: The same at equal cost, where a label may be small or large.
        failures: Runs that did not finish.
        checks: What the platform found when it checked itself.
        void: Runs that violate one of them; they are in no result and no comparison.
        saturation: What the whole pool gives, if the study asked for it.
        bought: What the methods bought; empty where runs recorded no items or the data set was not at hand.
        trained: Training on what was chosen against training on everything; empty without saturation.
        opened: When the final test set was opened: date, commit, study.
        split: What the accuracy was measured on.
        spec: The resolved settings.
        command: How to make the study again.
        environment: Versions and hardware.
        wall_seconds: Time that the study took, interruptions not counted.
        compute_seconds: Sum over all runs of training, scoring and selecting.
    """

    study: str
    dataset: str
    spec_sha256: str
    budgets: list[int]
    methods: dict[str, MethodResult]
    comparisons: list[Comparison]
    label_saving: list[LabelSaving]
    out: str
    report: str
    snapshot: str = ""
    gains: dict[str, list[Gain]] = {}
    at_budget: list[AtBudget] = []
    over_cost: list[OverCost] = []
    failures: list[Failure] = []
    checks: list[Check] = []
    void: list[Void] = []
    saturation: Saturation | None = None
    bought: list[Bought] = []
    trained: list[Trained] = []
    opened: list[dict[str, Any]] = []
    split: Literal["development", "final"] = "development"
    spec: dict[str, Any] = {}
    command: str = ""
    environment: dict[str, Any] = {}
    wall_seconds: float = 0.0
    compute_seconds: float = 0.0

    @property
    def measure(self) -> str:
        """The metric for people: `accuracy` or `balanced accuracy`."""
        return str(self.spec.get("metric", "accuracy")).replace("_", " ")

    @property
    def tuning_labels(self) -> int:
        """Labels that tuned the recipe, spent for every method alike."""
        return int(self.spec.get("tuning_labels", 0))

    @property
    def counted(self) -> list[int]:
        """The budgets with these labels: what stands on the axes of figures."""
        return [self.tuning_labels + labels for labels in self.budgets]

    @property
    def strong(self) -> bool:
        """Whether it is of the strongly regularised track."""
        return self.spec.get("track") == "strong"

    @property
    def challengers(self) -> list[str]:
        """The methods that are compared with the baseline."""
        return [name for name in self.methods if name != BASELINE]

    @classmethod
    def open(cls, path: Path) -> Study:
        """A study from its folder or its `study.json`.

        Raises:
            UsageError: if it is not there or is none.
        """
        return cls.of_file(path / "study.json" if path.is_dir() else path, "study", "querist run")


class Measured(Protocol):
    """The runs of a method: of a study, or in a cell of a bench."""

    @property
    def seeds(self) -> list[int]: ...
    @property
    def aubc(self) -> list[float]: ...


def common_seeds(methods: Mapping[str, Measured], among: Iterable[str]) -> list[int]:
    """Seeds that all of these methods finished, ascending."""
    return sorted(set.intersection(*(set(methods[name].seeds) for name in among)))


def mean_areas(methods: Mapping[str, Measured], among: Iterable[str]) -> dict[str, float]:
    """Mean area under the curve of each method over the seeds that all of them finished: no rank hangs on who had the easier seeds.

    Args:
        methods: Name → its runs.
        among: The methods meant; where they share no seed, each is taken over all of its own.
    """
    among = list(among)
    shared = set(common_seeds(methods, among))
    runs = {name: zip(methods[name].seeds, methods[name].aubc, strict=True) for name in among}
    return {name: fmean([area for seed, area in pairs if seed in shared or not shared]) for name, pairs in runs.items()}
