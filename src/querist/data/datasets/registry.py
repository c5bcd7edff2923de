"""The table of named data sets: the rows of `sets.toml`, and what is registered for this process."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from numpy.typing import NDArray

from querist.core.errors import UsageError


@dataclass(frozen=True)
class Loaded:
    """What a loader gives.

    Attributes:
        x: Inputs (n, …), in the order that numbers the ids.
        y: Class position of each row, (n,), where an item has one class.
        classes: Class names, or names of what the task has in their place.
        values: What is true of each row, where an item has no single class: values of the set's label space.
        dev: Rows of the development split, where the set brings its own; else it is drawn.
        space: Further options of that space; see `tasks.new_space`.
    """

    x: Any
    y: NDArray[Any]
    classes: tuple[str, ...]
    values: Sequence[Any] = ()
    dev: Sequence[int] = ()
    space: Mapping[str, Any] = field(default_factory=dict)


Loader = Callable[[str | None], Loaded]
"""Reads the set from a root folder (None: where it usually is)."""


@dataclass(frozen=True)
class Entry:
    """One named data set.

    Attributes:
        name: Its name on the command line.
        loader: `"module:function"` of a `Loader`, imported on first use.
        final: The same for the final test set, or None if the set has none of its own.
        kind: Task kind.
        input: What one item is.
        licence: Licence of the data.
        get: How to get it.
        dev: Size of the development split: a number of items or a fraction.
        learner: Learner options of a study on it that names none; without any it trains the MLP.
    """

    name: str
    loader: str
    kind: str
    input: str
    licence: str
    get: str
    dev: int | float = 0.2
    final: str | None = None
    learner: Mapping[str, Any] = field(default_factory=dict)


@functools.cache
def _entries() -> dict[str, Entry]:
    table = tomllib.loads(resources.files(__package__).joinpath("sets.toml").read_text(encoding="utf-8"))
    return {name: _row(name, table["get"], **row) for name, row in table["sets"].items()}


def _row(name: str, ways: Mapping[str, str], *, loader: str, get: str, final: str | None = None, **row: Any) -> Entry:
    home = __package__ or ""
    return Entry(name, f"{home}.{loader}", get=ways[get], final=final and f"{home}.{final}", **row)


_SPELLED_BEFORE = {"breast_cancer": "breast-cancer"}
"""Old spellings, which stand in projects and studies: they still open."""


def entries() -> Mapping[str, Entry]:
    """All named data sets, by name."""
    return dict(_entries())


def entry(name: str) -> Entry:
    """One row of the table.

    Raises:
        UsageError: for an unknown name.
    """
    try:
        return _entries()[_SPELLED_BEFORE.get(name, name)]
    except KeyError:
        raise UsageError("there is no data set of that name", got=name, wanted=", ".join(_entries())) from None


def register(new: Entry) -> None:
    """Add a data set for this process.

    Raises:
        UsageError: if the name is taken.
    """
    known = _entries()
    if known.get(new.name, new) != new:
        raise UsageError("a data set of that name exists", got=new.name, wanted="another name than " + ", ".join(known))
    known[new.name] = new


def names() -> Sequence[str]:
    """The names, in the order of the table."""
    return tuple(_entries())
