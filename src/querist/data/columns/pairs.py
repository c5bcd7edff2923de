"""Pairs of records in CSV: two tables of records and one of pairs (the format of Magellan and DeepMatcher), or both records in one row.

The first is a folder with `tableA.csv`, `tableB.csv` (column `id`, then attributes) and tables of pairs with `ltable_id`, `rtable_id` and `label`;
the second a table with `left_` and `right_` before the names of attributes.

Reference:
    Mudgal et al. 2018, Deep Learning for Entity Matching (the data sets of the paper are in both formats).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from querist.core.errors import PoolError
from querist.data import formats

LEFT, RIGHT = "left_", "right_"
_YES: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": None}

Record = Mapping[str, str]


@dataclass(frozen=True)
class Pairs:
    """Pairs of records.

    Attributes:
        attributes: Names of what a record says, of both sides, in order.
        left: Records of the left side by id; `right`: of the right.
        rows: Pair → ids of its two records.
        values: Pair → do they belong together; None where nobody said.
    """

    attributes: tuple[str, ...]
    left: Mapping[str, Record]
    right: Mapping[str, Record]
    rows: Mapping[str, tuple[str, str]]
    values: Mapping[str, bool | None]

    def records(self, pair: str) -> tuple[Record, Record]:
        """The two records of a pair."""
        one, other = self.rows[pair]
        return self.left[one], self.right[other]


def read_pairs(path: str | Path, part: str = "train") -> Pairs:
    """Pairs of one part of a folder (`train`, `valid`, `test`), or of a single table.

    Raises:
        PoolError: for a missing table or column, an id that no record has, or an answer that is neither yes nor no; the message names the line.
    """
    source = Path(path)
    return _folder(source, part) if source.is_dir() else _table(source)


def write_pairs(folder: str | Path, data: Pairs, part: str = "train") -> None:
    """A folder of three tables; an answer that nobody gave is an empty cell."""
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    for name, records in (("tableA", data.left), ("tableB", data.right)):
        _write(home / f"{name}.csv", ("id", *data.attributes), [(item, *(record.get(key, "") for key in data.attributes)) for item, record in records.items()])
    rows = [(one, other, _said(data.values[pair])) for pair, (one, other) in data.rows.items()]
    _write(home / f"{part}.csv", ("ltable_id", "rtable_id", "label"), rows)


def write_joined(path: str | Path, data: Pairs) -> None:
    """One table, both records of a pair in its row."""
    header = ("id", "label", *(side + name for side in (LEFT, RIGHT) for name in data.attributes))
    rows = [(pair, _said(data.values[pair]), *(record.get(name, "") for record in data.records(pair) for name in data.attributes)) for pair in data.rows]
    _write(Path(path), header, rows)


def _folder(home: Path, part: str) -> Pairs:
    left, right = _records(home / "tableA.csv"), _records(home / "tableB.csv")
    rows: dict[str, tuple[str, str]] = {}
    values: dict[str, bool | None] = {}
    path = home / f"{part}.csv"
    for line, row in formats.rows(path):
        where = f"{path}, line {line}"
        one, other = _cell(row, "ltable_id", where), _cell(row, "rtable_id", where)
        lost = next((item for item, side in ((one, left), (other, right)) if item not in side), None)
        if lost is not None:
            raise PoolError(f"{where} names a record that is not there", got=lost, wanted="an id of tableA.csv, then one of tableB.csv")
        pair = f"{one}~{other}"
        if pair in rows:
            raise PoolError(f"{where} has a pair that came before", got=pair, wanted="every pair once")
        rows[pair], values[pair] = (one, other), _answer(row, where)
    if not rows:
        raise PoolError(f"{path} holds no pairs", got="0 rows", wanted="at least one")
    return Pairs(_attributes(left, right), left, right, rows, values)


def _table(path: Path) -> Pairs:
    left: dict[str, Record] = {}
    right: dict[str, Record] = {}
    rows: dict[str, tuple[str, str]] = {}
    values: dict[str, bool | None] = {}
    for line, row in formats.rows(formats.checked(path)):
        where = f"{path}, line {line}"
        pair = str(row.get("id", len(rows)))
        sides = [{name.removeprefix(side): str(value or "") for name, value in row.items() if name.startswith(side)} for side in (LEFT, RIGHT)]
        if not all(sides) or pair in rows:
            raise PoolError(f"{where} is no pair", got=pair if pair in rows else ", ".join(row), wanted=f"an id of its own and columns {LEFT}…, {RIGHT}…")
        one, other = (str(row.get(f"{side}id", f"{side[0]}{pair}")) for side in (LEFT, RIGHT))
        left[one], right[other] = ({name: value for name, value in side.items() if name != "id"} for side in sides)
        rows[pair], values[pair] = (one, other), _answer(row, where)
    if not rows:
        raise PoolError(f"{path} holds no pairs", got="0 rows", wanted="at least one")
    return Pairs(_attributes(left, right), left, right, rows, values)


def _records(path: Path) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for line, row in formats.rows(formats.checked(path)):
        item = _cell(row, "id", f"{path}, line {line}")
        if item in found:
            raise PoolError(f"{path}, line {line} has an id that came before", got=item, wanted="every record once")
        found[item] = {name: str(value or "") for name, value in row.items() if name != "id"}
    return found


def _attributes(*sides: Mapping[str, Record]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for side in sides for record in side.values() for name in record))


def _cell(row: formats.Row, name: str, where: str) -> str:
    if row.get(name) in (None, ""):
        raise PoolError(f"{where} has no {name!r}", got=", ".join(row), wanted=f"a value in column {name!r}")
    return str(row[name])


def _answer(row: formats.Row, where: str) -> bool | None:
    raw = str(row.get("label", "")).strip().lower()
    if raw not in _YES:
        raise PoolError(f"{where} is neither yes nor no", got=raw, wanted="1, 0 or nothing in column 'label'")
    return _YES[raw]


def _said(value: bool | None) -> str:
    return "" if value is None else str(int(value))


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([header, *rows])
