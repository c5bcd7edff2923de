"""What a study is: data × methods × seeds, in one checked record that a TOML file, the command line and Python share."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from querist.bench.statistics import MARGIN
from querist.core import catalogue
from querist.core.errors import UsageError
from querist.core.spec import digest
from querist.data.datasets import base_name
from querist.data.datasets.registry import entry
from querist.tasks.heads import kind

BASELINE = "random"
"""Every study has it; every method is compared with it."""

Metric = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Track = Literal["plain", "strong"]
PLAIN: Final = "plain"
"""The track of the recipes as they are."""

NEUTRAL: Final[Mapping[str, Any]] = {"metric": "accuracy", "saturation": False, "tuning_labels": 0, "ablated": []}
"""Settings that came later, at the values that change nothing: they leave the digests of recorded studies as they are. None decides a run."""
RUN_NEUTRAL: Final[Mapping[str, Any]] = {"strategies": {}, "track": PLAIN}
"""The same of settings that decide runs."""

LEARNER: Final = "learner"
"""In the spec of a strategy: options of the learner for it alone."""

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]


def metric_of(dataset: str) -> str:
    """The measure of a named set's task; accuracy for a set that is not in the registry, which another factory knows."""
    try:
        return kind(entry(base_name(dataset)).kind).metric
    except UsageError:
        return "accuracy"


class StudySpec(BaseModel):
    """The settings of a study. Seeds are 0 … seeds − 1; the baseline runs `baseline_factor` times as many.

    Attributes:
        dataset: Named data set, with its variants.
        root: Folder with its files, or None for where they usually are.
        methods: Catalogue names, import paths `module:Class` or names of `strategies`; the baseline is always added, first, those of `strategies` last.
        strategies: Name → spec of a strategy of this study's own: `{"use": "badge", "selector": {…}}`; see `core.catalogue.acquisition`. Options of the
            learner for it alone stand under `learner`.
        ablated: Methods whose gains are told apart into those of training and those of the query; see `bench.arms`.
        seeds: Seeds of every method.
        baseline_factor: How many times as many seeds the baseline gets; the extra ones are plotted, not paired.
        initial: Labels before the first choice.
        batch: Labels a round.
        budget: Labels at the end; the last batch is smaller where the sizes do not divide.
        network: Network of the learner, or None for the default of the data set.
        recipe: Training recipe, or None for the default.
        track: `strong` takes the recipe's strongly regularised sibling (augmentation and averaged weights), for all methods alike.
        tuning_labels: Labels that the search for the recipe saw, where it saw labels of this data set: spent for every method alike, they
            count wherever labels are counted (budgets are what a run buys, beside them).
        steps: Optimiser steps a round, or None for the recipe's; never dependent on the method.
        learner: Further options of the learner.
        score_pool: Candidates scored in a round, the same random ones for all methods.
        final: Evaluate on the final test set instead of the development split.
        fractions: Label savings are given at the baseline's accuracy at these fractions of the budget; 1 is always among them.
        accuracies: And at these fixed accuracies.
        metric: What the curves measure, higher is better: by default that of the task, `accuracy` for classes; `balanced_accuracy` for classes of
            unequal size. Runs record all metrics of their task.
        saturation: Also train on the whole pool, for three seeds; budgets at which the baseline has 99 % of that are marked.
        margin: Differences within ± margin count as equivalent.
        workers: Processes; has no influence on results.
        name: Name of the study, or None for that of the data set.
        factory: Import path of the `RunFactory`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    dataset: str
    root: str | None = None
    methods: tuple[str, ...] = ()
    strategies: dict[str, dict[str, Any]] = Field(default_factory=dict)
    ablated: tuple[str, ...] = ()
    seeds: Positive = 5
    baseline_factor: Positive = 2
    initial: Positive = 20
    batch: Positive = 20
    budget: Positive = 300
    network: str | None = None
    recipe: str | None = None
    track: Track = PLAIN
    tuning_labels: Annotated[int, Field(ge=0)] = 0
    steps: Positive | None = None
    learner: dict[str, Any] = Field(default_factory=dict)
    score_pool: Positive = 10_000
    final: bool = False
    fractions: tuple[Share, ...] = (0.5, 0.75, 1.0)
    accuracies: tuple[Share, ...] = ()
    metric: Metric = "accuracy"
    saturation: bool = False
    margin: Annotated[float, Field(gt=0, lt=1)] = MARGIN
    workers: Positive = 2
    name: str | None = None
    factory: str = "querist.assemble:simulation"

    @model_validator(mode="before")
    @classmethod
    def _own_strategies_last(cls, given: Any) -> Any:
        own = given.get("strategies") if isinstance(given, Mapping) else None
        return {**given, "methods": (*given.get("methods", ()), *own)} if isinstance(own, Mapping) else given

    @model_validator(mode="before")
    @classmethod
    def _metric_of_the_task(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or given.get("metric") or not isinstance(given.get("dataset"), str):
            return given
        return {**given, "metric": metric_of(given["dataset"])}

    @field_validator("strategies")
    @classmethod
    def _named_and_made_of_something(cls, strategies: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, table in strategies.items():
            if not re.fullmatch(r"[\w.+-]+", name) or any(row["name"] == name for row in catalogue.rows()):
                raise ValueError(f"a strategy of one's own needs a name of its own, of letters, digits, -, . and _: {name!r}")
            if not isinstance(table.get("use"), str):
                raise ValueError(f'{name} does not say what it is made of: use = "badge", or "module:Class"')
        return strategies

    @field_validator("methods")
    @classmethod
    def _baseline_first(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys((BASELINE, *methods)))

    @field_validator("fractions")
    @classmethod
    def _whole_budget_too(cls, fractions: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(sorted({*fractions, 1.0}))

    @model_validator(mode="after")
    def _budget_holds_initial(self) -> StudySpec:
        if self.initial > self.budget:
            raise ValueError(f"initial ({self.initial}) is larger than budget ({self.budget})")
        return self

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> StudySpec:
        """A spec from plain settings.

        Raises:
            UsageError: naming the first key that is unknown, missing or out of range.
        """
        try:
            return cls.model_validate(settings)
        except ValidationError as error:
            raise usage(error, "study", cls) from error

    @classmethod
    def from_toml(cls, path: Path, **override: Any) -> StudySpec:
        """A spec from a TOML file.

        Args:
            path: The file, keys as in this class.
            override: Settings that win over the file's; None is no setting.

        Raises:
            UsageError: if the file is missing, is no TOML, or holds a bad setting.
        """
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError("cannot read the study file", got=str(path), wanted="a TOML file", hint=str(error)) from error
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{path.name} is not valid TOML: {error}", hint='Strings need quotes: dataset = "digits"') from error
        chosen = {key: value for key, value in override.items() if value is not None}
        return cls.of({"name": path.stem, **settings, **chosen})

    @property
    def title(self) -> str:
        """Name of the study for people."""
        return self.name or self.dataset

    @property
    def budgets(self) -> tuple[int, ...]:
        """Exact numbers of labels at which every run is measured."""
        return (*range(self.initial, self.budget, self.batch), self.budget)

    @property
    def counted(self) -> tuple[int, ...]:
        """The same with the labels that tuned the recipe: what an accuracy costs."""
        return tuple(self.tuning_labels + labels for labels in self.budgets)

    def strategy(self, method: str) -> str | dict[str, Any]:
        """What a method is: its own name, or the spec that this study gives for it."""
        table = {key: value for key, value in self.strategies.get(method, {"use": method}).items() if key != LEARNER}
        return str(table["use"]) if set(table) == {"use"} else table

    def seeds_of(self, method: str) -> range:
        """Seeds of one method."""
        return range(self.seeds * (self.baseline_factor if method == BASELINE else 1))

    def runs(self) -> list[tuple[str, int]]:
        """All (method, seed), seed by seed, so that an interrupted study has the same seeds of every method."""
        last = max(len(self.seeds_of(method)) for method in self.methods)
        return [(method, seed) for seed in range(last) for method in self.methods if seed in self.seeds_of(method)]

    def learner_options(self, method: str | None = None) -> dict[str, Any]:
        """The learner as the factory takes it: what is set, by name, and over it what a method's own spec sets."""
        named = {"network": self.network, "recipe": self.recipe, "steps": self.steps, "track": None if self.track == PLAIN else self.track}
        own = self.strategies.get(method or "", {}).get(LEARNER, {})
        return {**self.learner, **{key: value for key, value in named.items() if value is not None}, **own}

    def run_settings(self) -> dict[str, Any]:
        """What decides a run beside its method and seed."""
        about_the_study = {"methods", "seeds", "baseline_factor", "fractions", "accuracies", "margin", "workers", "name", *NEUTRAL}
        plain = self.model_dump(mode="json", exclude=about_the_study)
        return {key: value for key, value in plain.items() if key not in RUN_NEUTRAL or value != RUN_NEUTRAL[key]}

    @property
    def run_sha256(self) -> str:
        """Digest of `run_settings`: runs of equal digest, method and seed are the same run."""
        return digest(self.run_settings())

    @property
    def sha256(self) -> str:
        """Digest of everything that has an influence on the study's numbers."""
        return settings_sha256(self.model_dump(mode="json"))


def settings_sha256(settings: Mapping[str, Any]) -> str:
    """Digest of all settings of a study with an influence on its numbers; see `StudySpec.sha256`."""
    neutral = {key for key, value in {**NEUTRAL, **RUN_NEUTRAL}.items() if settings.get(key) == value}
    return digest({key: value for key, value in settings.items() if key not in {"workers", "name", *neutral}})


def usage(error: ValidationError, what: str, model: type[BaseModel]) -> UsageError:
    """The first thing that is wrong with the settings of a study or a bench, in the words of its file.

    Args:
        error: What pydantic says.
        what: `study` or `bench`.
        model: Whose fields would be right.
    """
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"] if part != "methods") or ("methods" if first["loc"] else "")
    if first["type"] == "extra_forbidden":
        return UsageError(f"unknown setting {key!r} in the {what}", wanted=", ".join(model.model_fields))
    if first["type"] == "missing":
        return UsageError(f"the {what} needs the setting {key!r}")
    message = str(first["msg"]).removeprefix("Value error, ")
    if not key:
        return UsageError(f"the {what}'s settings do not fit: {message}")
    return UsageError(f"bad value for {key!r} in the {what}: {message}", got=first.get("input"))
