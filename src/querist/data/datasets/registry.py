"""The table of named data sets. A new set is one row here and one loader of a few lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from querist.core.errors import UsageError


@dataclass(frozen=True)
class Loaded:
    """What a loader gives.

    Attributes:
        x: Inputs (n, …), in the order that numbers the ids.
        y: Class position of each row, (n,).
        classes: Class names.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    classes: tuple[str, ...]


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
    """

    name: str
    loader: str
    kind: str
    input: str
    licence: str
    get: str
    dev: int | float = 0.2
    final: str | None = None


_SKLEARN = "Ships with scikit-learn: pip install 'querist[deep]'"
_LOADERS = "querist.data.datasets"

_ENTRIES: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("digits", f"{_LOADERS}.sklearn_sets:digits", "classification", "uint8 image (8, 8)", "BSD-3-Clause", _SKLEARN),
        Entry(
            "fashion-mnist",
            f"{_LOADERS}.fashion_mnist:train",
            "classification",
            "uint8 image (28, 28)",
            "MIT",
            "Debian: apt install dataset-fashion-mnist; else put the four idx .gz files into a folder and name it with root= or QUERIST_FASHION_MNIST",
            dev=10_000,
            final=f"{_LOADERS}.fashion_mnist:test",
        ),
        Entry("iris", f"{_LOADERS}.sklearn_sets:iris", "classification", "4 features, float32", "BSD-3-Clause", _SKLEARN),
        Entry("wine", f"{_LOADERS}.sklearn_sets:wine", "classification", "13 features, float32", "BSD-3-Clause", _SKLEARN),
        Entry("breast_cancer", f"{_LOADERS}.sklearn_sets:breast_cancer", "classification", "30 features, float32", "BSD-3-Clause", _SKLEARN),
    )
}


def entries() -> Mapping[str, Entry]:
    """All named data sets, by name."""
    return dict(_ENTRIES)


def entry(name: str) -> Entry:
    """One row of the table.

    Raises:
        UsageError: for an unknown name.
    """
    try:
        return _ENTRIES[name]
    except KeyError:
        raise UsageError("there is no data set of that name", got=name, wanted=", ".join(_ENTRIES)) from None


def register(new: Entry) -> None:
    """Add a data set for this process.

    Raises:
        UsageError: if the name is taken.
    """
    if new.name in _ENTRIES and _ENTRIES[new.name] != new:
        raise UsageError("a data set of that name exists", got=new.name, wanted="another name than " + ", ".join(_ENTRIES))
    _ENTRIES[new.name] = new


def names() -> Sequence[str]:
    """The names, in the order of the table."""
    return tuple(_ENTRIES)
