"""Named data sets as pools with targets, a development split, and a final test set that must be asked for.

Reference: the two levels of test data follow rule R30 of the evaluation protocol: tuning, defaults and continuous
integration see the development split only.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from querist.core.contracts import LabelSpace
from querist.core.errors import UsageError
from querist.core.spec import digest
from querist.data.arrays import ArrayPool
from querist.data.datasets.registry import Entry, Loaded, Loader, entry
from querist.data.datasets.variants import Rows, base_name, split, varied
from querist.data.splits import random_split, stratified_split
from querist.tasks import new_space

_SPLIT_SEED = 0  # part of every set's definition: another seed would be another benchmark


@dataclass(frozen=True)
class NamedPool:
    """Items of a named data set, or those of one part of it; ids like `train-00017`, of the final test set `test-00017`.

    Attributes:
        name: Name of the set, with its variants.
        root: Folder with its files, or None for where they usually are.
        part: `all` training items; of these `pool` (may be asked) or `dev` (the development split); or `final`, the final
            test set, which nothing but a final evaluation may open.
    """

    name: str
    root: str | None = None
    part: str = "all"

    @property
    def _rows(self) -> ArrayPool:
        row = entry(base_name(self.name))
        if self.part == "final" and row.final is None:
            raise UsageError(f"the data set {self.name!r} has no final test set")
        return _part(str(row.final), self.root, "test").pool if self.part == "final" else _training(self.name, self.root).pool

    def ids(self) -> Sequence[str]:
        """The ids of the part, in canonical order."""
        return _ids(self.name, self.root)[self.part] if self.part in ("pool", "dev") else self._rows.ids()

    def __len__(self) -> int:
        return len(self.ids())

    def load(self, item_id: str) -> NDArray[Any]:
        """One input."""
        return self._rows.load(item_id)

    def take(self, ids: Sequence[str]) -> NDArray[Any]:
        """Many inputs, stacked (len(ids), …)."""
        return self._rows.take(ids)

    def fingerprint(self) -> str:
        """Hex digest of ids and content of the set, and of the part; of a variant, of its labels too."""
        whole = self._rows.fingerprint() if self.part == "final" else _fingerprint(self.name, self.root)
        return whole if self.part == "all" else hashlib.sha256(f"{self.part}:{whole}".encode()).hexdigest()

    def extend(self, items: Any = None) -> Sequence[str]:
        """Refused: a named set is what its name says."""
        raise UsageError(f"the named data set {self.name!r} does not grow", hint="Use an array, folder or table pool for data of your own.")


@dataclass(frozen=True)
class FinalSet:
    """The final test set of a named data set: inputs and their class names."""

    pool: ArrayPool
    targets: Mapping[str, Any]


@dataclass(frozen=True)
class NamedSet:
    """A named data set.

    Attributes:
        name: Its name.
        pool: All its training items, the development split included, so that a learner can load both.
        targets: Class name, or value of the set's label space, of every item of the pool.
        dev: Ids of the development split: held out, never asked, never trained on.
        classes: Class names.
        final: Opens the final test set; None if there is none. Nothing but a final evaluation may call it.
        licence: Licence of the data.
        kind: Task kind.
        input: What one item is.
        options: Of its label space, beside the classes; see `space`.
    """

    name: str
    pool: NamedPool
    targets: Mapping[str, Any]
    dev: tuple[str, ...]
    classes: tuple[str, ...]
    final: Callable[[], FinalSet] | None
    licence: str
    kind: str
    input: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def space(self) -> LabelSpace:
        """The label space of its values, version 1."""
        return new_space(self.kind, list(self.classes), **self.options)

    @property
    def fingerprint(self) -> str:
        """Hex digest of the pool's ids and content."""
        return self.pool.fingerprint()

    @cached_property
    def test(self) -> Mapping[str, Any]:
        """The development split with its values, as `Project.create(test=…)` takes it."""
        return {item_id: self.targets[item_id] for item_id in self.dev}

    @cached_property
    def candidates(self) -> tuple[str, ...]:
        """The ids that may be asked: all but the development split, in canonical order."""
        return tuple(replace(self.pool, part="pool").ids())


def named(name: str, root: str | None = None) -> NamedSet:
    """A named data set; read once per process.

    Args:
        name: One of `entries()`, and after it the variants, `digits+noise10`.
        root: Folder with its files; None for where they usually are.

    Raises:
        UsageError: for an unknown name or variant, or one that does not suit the set.
        PoolError: if files are missing (the hint says how to get them) or broken.
        MissingExtraError: if a package that ships the data is not installed.
    """
    row = entry(base_name(name))
    part = _training(name, root)
    return NamedSet(
        name=name,
        pool=NamedPool(name, root),
        targets=part.targets,
        dev=_development(name, root),
        classes=part.classes,
        final=_opener(row, root),
        licence=row.licence,
        kind=row.kind,
        input=row.input,
        options=part.options,
    )


def _opener(row: Entry, root: str | None) -> Callable[[], FinalSet] | None:
    path = row.final
    if path is None:
        return None

    def open_final() -> FinalSet:
        part = _part(path, root, "test")
        return FinalSet(part.pool, part.targets)

    return open_final


@dataclass(frozen=True)
class _Part:
    pool: ArrayPool
    targets: Mapping[str, Any]
    classes: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    dev: tuple[str, ...] = ()


@lru_cache(maxsize=8)
def _part(loader: str, root: str | None, prefix: str) -> _Part:
    module, _, function = loader.partition(":")
    read: Loader = getattr(importlib.import_module(module), function)
    loaded: Loaded = read(root)
    ids = [f"{prefix}-{row:05d}" for row in range(len(loaded.x))]
    values = loaded.values or [loaded.classes[position] for position in loaded.y.tolist()]
    return _Part(ArrayPool(loaded.x, ids), dict(zip(ids, values, strict=True)), loaded.classes, loaded.space, tuple(ids[row] for row in loaded.dev))


@lru_cache(maxsize=4)
def _training(name: str, root: str | None) -> _Part:
    """All training items. A variant changes those that may be asked and leaves the development split alone."""
    row = entry(base_name(name))
    part = _part(row.loader, root, "train")
    if not split(name)[1]:
        return part
    dev, place = _development(name, root), {label: number for number, label in enumerate(part.classes)}
    held = set(dev)
    free = tuple(item for item in part.pool.ids() if item not in held)
    y = np.array([place[part.targets[item]] for item in free], dtype=np.int64)
    rows = varied(row.name, name, Rows(free, part.pool.take(free), y, len(part.classes)))
    targets = {item: part.targets[item] for item in dev} | {item: part.classes[label] for item, label in zip(rows.ids, rows.y.tolist(), strict=True)}
    return _Part(ArrayPool(np.concatenate([part.pool.take(dev), rows.x]), [*dev, *rows.ids]), targets, part.classes)


@lru_cache(maxsize=8)
def _development(name: str, root: str | None) -> tuple[str, ...]:
    row = entry(base_name(name))
    part = _part(row.loader, root, "train")
    if part.dev:
        return part.dev
    targets = part.targets
    # A miniature of a set in its own format (tests, trials) keeps the proportion of the smallest sensible share.
    size = row.dev if isinstance(row.dev, float) or row.dev < len(targets) else 0.2
    return stratified_split(targets, size, _SPLIT_SEED) if row.kind == "classification" else random_split(targets, size, _SPLIT_SEED)


@lru_cache(maxsize=8)
def _ids(name: str, root: str | None) -> Mapping[str, tuple[str, ...]]:
    dev = _development(name, root)
    held = set(dev)
    return {"dev": dev, "pool": tuple(item for item in _training(name, root).pool.ids() if item not in held)}


@lru_cache(maxsize=8)
def _fingerprint(name: str, root: str | None) -> str:
    part = _training(name, root)
    whole = part.pool.fingerprint()
    return whole if name == base_name(name) else digest([whole, dict(part.targets)])
