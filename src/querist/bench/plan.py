"""What a bench is: settings that all of its studies share, and axes along which they differ. It expands into named cells.

A cell is a study. Its name says where it lies on the axes that the file sets, `penbased+noise10.mlp.low.b20`, so that adding
a value to an axis renames nothing, and finished runs are found again.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from querist.bench.spec import Positive, StudySpec, usage
from querist.core.errors import UsageError
from querist.core.spec import digest
from querist.data.datasets import base_name

PLAIN: Final = "plain"
"""The variant that is the data set itself."""
SIZES: Final = frozenset({"initial", "batch", "budget"})
SKIP: Final = "skip"
_PER_CELL = frozenset(StudySpec.model_fields) - {"dataset", "name", "workers", "final"}
_LEARNER = ("recipe", "network", "steps", "track", "tuning_labels")

Table = dict[str, Any]
Named = Annotated[dict[str, Table], Field(default_factory=dict)]


@dataclass(frozen=True, slots=True)
class Cell:
    """One study of a bench.

    Attributes:
        name: Where it lies on the axes; also the name of its folder.
        spec: The study.
    """

    name: str
    spec: StudySpec


class BenchSpec(BaseModel):
    """A bench, as its TOML file states it.

    Attributes:
        name: Its name.
        about: What it is for.
        cpu_minutes: Estimate of the computing time of all its runs, in minutes of one core.
        datasets: Named data sets; without any other axis a plain study (`dataset = …`) is a bench of one cell.
        variants: Variants of each of them, `plain` for the set itself.
        recipes: Name → options of the learner.
        budgets: Name → `initial`, `batch`, `budget`: regimes of low and high budgets.
        initials: Starting budgets.
        batches: Query sizes.
        ablate: Strategies that are also run with each of their parts replaced by the plainest, see `acquire.ablation`; schemes, and strategies that
            train something, also with plain training and with random queries, see `bench.arms`.
        roots: Data set → folder with its files.
        cells: Name of a cell, or a pattern of names (`wine.*`) → settings of these alone; `skip = true` leaves them out.
        shared: Settings of every study.
        workers: Processes; has no influence on results.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    name: str
    about: str = ""
    cpu_minutes: float | None = None
    datasets: Annotated[tuple[str, ...], Field(min_length=1)]
    variants: Annotated[tuple[str, ...], Field(min_length=1)] = (PLAIN,)
    recipes: Named
    budgets: Named
    initials: tuple[Positive, ...] = ()
    batches: tuple[Positive, ...] = ()
    ablate: tuple[str, ...] = ()
    roots: dict[str, str] = Field(default_factory=dict)
    cells: Named
    shared: Table = Field(default_factory=dict)
    workers: Positive = 2

    @field_validator("datasets", "variants", "initials", "batches", "ablate")
    @classmethod
    def _each_once(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} stands there twice")
        return values

    @classmethod
    def of(cls, settings: Mapping[str, Any], name: str = "bench") -> BenchSpec:
        """A bench from plain settings: those of a study, with `datasets` for `dataset`, and axes.

        Raises:
            UsageError: naming the first key that is unknown, missing, out of range, or set twice in two ways.
        """
        given = {"name": name, **settings}
        if given.pop("final", False):
            raise UsageError("a file cannot open the final test set", got="final = true", hint="Say so when you run it: querist bench … --final")
        if "dataset" in given:
            if "datasets" in given:
                raise UsageError("one of dataset and datasets is enough", got="both")
            given["datasets"] = (given.pop("dataset"),)
        shared = {key: given.pop(key) for key in sorted(_PER_CELL & set(given))}
        unknown = sorted(set(given) - set(cls.model_fields) | set(given) & {"shared"})
        if unknown:
            raise UsageError(f"unknown setting {unknown[0]!r} in the bench", wanted=", ".join(sorted({*cls.model_fields, *_PER_CELL} - {"shared"})))
        try:
            spec = cls.model_validate({**given, "shared": shared})
        except ValidationError as error:
            raise usage(error, "bench", cls) from error
        spec._check()
        return spec

    @classmethod
    def from_toml(cls, path: Path) -> BenchSpec:
        """A bench from a TOML file.

        Raises:
            UsageError: if the file is missing, is no TOML, or holds a bad setting.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError("cannot read the file of the bench", got=str(path), wanted="a TOML file", hint=str(error)) from error
        return cls.from_text(text, path.stem)

    @classmethod
    def from_text(cls, text: str, name: str) -> BenchSpec:
        """A bench from the text of a TOML file of this name."""
        try:
            settings = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{name}.toml is not valid TOML: {error}", hint='Strings need quotes: datasets = ["digits"]') from error
        return cls.of(settings, name)

    def expand(self, *, final: bool = False) -> tuple[Cell, ...]:
        """The cells, in the order of the axes, data sets first.

        Args:
            final: Evaluate on the final test sets instead of the development splits.

        Raises:
            UsageError: for settings that no study can have, or for settings of cells that there are none of.
        """
        settings, unused = dict(self._crossed()), []
        for pattern, changes in self.cells.items():
            names = [name for name in settings if name == pattern or fnmatchcase(name, pattern)]
            unused += [] if names else [pattern]
            for name in names:
                settings[name] = {**settings[name], **changes}
        if unused:
            raise UsageError(f"there is no cell {unused[0]!r}", wanted=", ".join(settings))
        kept = {name: plain for name, plain in settings.items() if not plain.pop(SKIP, False)}
        if not kept:
            raise UsageError(f"the bench {self.name!r} leaves out all of its cells", got=", ".join(settings))
        common = {"workers": self.workers, "final": final}
        return tuple(Cell(name, _study(name, {**plain, **self._taken_apart(plain), "name": name, **common})) for name, plain in kept.items())

    @property
    def sha256(self) -> str:
        """Digest of all cells that has what `StudySpec.sha256` has; the name of the bench is not in it."""
        return digest({cell.name: cell.spec.sha256 for cell in self.expand()})

    def _taken_apart(self, plain: Table) -> Table:
        """Methods and strategies of a cell with those that are ablated and their variants; schemes, and strategies that train, with their arms."""
        if not self.ablate:
            return {}
        from querist.acquire.ablation import variants
        from querist.bench.arms import arms, trains

        own, named = dict(plain.get("strategies", {})), list(plain.get("methods", ()))
        trained = [name for name in self.ablate if name not in own and trains(name) is not None]
        for name in self.ablate:
            if name in trained:
                study = StudySpec.of({**plain, "name": name})
                listed, made = arms(name, study.learner_options(), study.budget)
            else:
                listed, made = [] if name in own else [name], variants(name, own.get(name))
                if not made:
                    raise UsageError(f"{name} has no part that could be taken away", wanted="a scheme, a strategy of several parts, or a wrapper")
            named, own = [*named, *listed], {**own, **made}
        return {"methods": named, "strategies": own, "ablated": [*plain.get("ablated", ()), *trained]}

    def _crossed(self) -> Iterator[tuple[str, Table]]:
        for dataset, variant in product(self.datasets, self.variants):
            whole = dataset if variant == PLAIN else f"{dataset}+{variant}"
            root = {"root": self.roots[base_name(dataset)]} if base_name(dataset) in self.roots else {}
            for recipe, regime, initial, batch in product(self.recipes or (None,), self.budgets or (None,), self.initials or (None,), self.batches or (None,)):
                parts = [whole, recipe, regime, initial and f"i{initial}", batch and f"b{batch}"]
                plain = {**self.shared, **root, "dataset": whole, **(_learner(self.shared, self.recipes[recipe]) if recipe else {})}
                plain |= {**(self.budgets[regime] if regime else {}), **({"initial": initial} if initial else {}), **({"batch": batch} if batch else {})}
                yield ".".join(part for part in parts if part), plain

    def _check(self) -> None:
        """What two places of the file say must not contradict each other."""
        said = [("initials", "initial", self.initials), ("batches", "batch", self.batches), ("recipes", "recipe", self.recipes)]
        for axis, key, values in said:
            if values and key in self.shared:
                raise UsageError(f"{key} is set for all studies, and {axis} vary it", hint=f"Leave out {key}.")
            for regime, table in self.budgets.items():
                if values and key in table:
                    raise UsageError(f"{key} is set by the budget {regime!r}, and {axis} vary it", hint=f"Leave out {key} there.")
        tables = [*((f"budgets.{name}", table, SIZES) for name, table in self.budgets.items())]
        tables += [(f'cells."{name}"', table, _PER_CELL | {SKIP}) for name, table in self.cells.items()]
        for where, table, known in tables:
            if unknown := sorted(set(table) - known):
                raise UsageError(f"unknown setting {unknown[0]!r} in [{where}]", wanted=", ".join(sorted(known)))
        names = [*((dataset, r"[\w-]+(\+[a-z]+\d*)*") for dataset in self.datasets), *((variant, r"[a-z]+\d*(\+[a-z]+\d*)*") for variant in self.variants)]
        for name, form in [*names, *((name, r"[\w-]+") for name in (*self.recipes, *self.budgets))]:
            if not re.fullmatch(form, name):
                raise UsageError("this cannot be part of the name of a cell", got=name, wanted="letters, digits, - and _")
        if stray := sorted(set(self.roots) - set(map(base_name, self.datasets))):
            raise UsageError(f"a root is given for {stray[0]!r}, which is no data set of this bench", wanted=", ".join(self.datasets))


def _learner(shared: Mapping[str, Any], options: Mapping[str, Any]) -> Table:
    """Options of the learner where a study has them: some are settings of its own, unless they are whole tables."""
    own = {key: options[key] for key in _LEARNER if key in options and not isinstance(options[key], Mapping)}
    return {**own, "learner": {**shared.get("learner", {}), **{key: value for key, value in options.items() if key not in own}}}


def _study(name: str, settings: Mapping[str, Any]) -> StudySpec:
    try:
        return StudySpec.of(settings)
    except UsageError as error:
        raise UsageError(f"cell {name}: {error.message}", got=error.got, wanted=error.wanted, hint=error.hint) from error
