"""Addresses and names as strings to take apart: fields of FEBRL's records in random order and punctuation, every token tagged by its field.

The records are synthetic (made by FEBRL's generator from real frequency tables, with its typing errors); so are order, punctuation and which fields
are there. An item is made of one record of one person, so no person is in two items.

Reference: Christen (2008), Febrl: an open source data cleaning, deduplication and record linkage system with a graphical user interface.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import numpy as np

from querist.core.rng import stream
from querist.data.columns.tagged import Tagged, tagged
from querist.data.datasets.febrl_files import found, person, records
from querist.data.datasets.registry import Loaded, entry
from querist.data.records import Record
from querist.tasks.tagging.spans import Span, tag_names, tags_of

FIELDS: Final = {
    "given_name": "GIVEN", "surname": "SURNAME", "street_number": "NUMBER", "address_1": "STREET", "address_2": "BUILDING", "suburb": "SUBURB",
    "postcode": "POSTCODE", "state": "STATE", "date_of_birth": "BIRTH", "soc_sec_id": "PERSON",
}  # fmt: skip
"""Column of a record → label of its tokens."""
_MARKS: Final = ("", "", "", ",", ",", ";", "/", "-")


def loaded(root: str | None) -> Loaded:
    """5,000 strings of data set 4b, a duplicate with typing errors of every person: to ask for."""
    return _as_loaded(febrl_strings(root))


def loaded_final(root: str | None) -> Loaded:
    """2,000 strings of data set 3, one record of every person: other people, for a final evaluation."""
    return _as_loaded(febrl_strings_final(root))


def febrl_strings(root: str | None) -> Tagged:
    """The strings of `loaded`; ids are those of the records."""
    return strings(records(found("dataset4b", root, entry("febrl-strings").get)), "febrl-strings")


def febrl_strings_final(root: str | None) -> Tagged:
    """The strings of `loaded_final`."""
    people: dict[str, tuple[str, Record]] = {}
    for key, record in records(found("dataset3", root, entry("febrl-strings").get)).items():
        people.setdefault(person(key), (key, record))
    return strings(dict(people.values()), "febrl-strings-final")


def strings(rows: Mapping[str, Record], name: str) -> Tagged:
    """A tagged string of every record; its draws depend on `name` and the record's id alone."""
    sentences, ids = [], []
    for key, record in rows.items():
        seed = int.from_bytes(hashlib.sha256(f"{name}:{key}".encode()).digest()[:6])
        sentence = _string(record, stream(seed, 0, "split"))
        if sentence is not None:
            sentences.append(sentence)
            ids.append(key)
    return tagged(sentences, name, ids=ids, classes=tag_names(FIELDS.values()))


def _as_loaded(data: Tagged) -> Loaded:
    ids = data.pool.ids()
    return Loaded(data.pool.take(ids), np.empty(0, dtype=np.int64), tuple(FIELDS.values()), [data.values[item] for item in ids], space={"scheme": "BIO"})


def _string(record: Record, rng: np.random.Generator) -> tuple[list[str], list[str | None]] | None:
    """Tokens and tags, or None for a record without fields. How many fields an item shows differs much, so lengths do."""
    there = [column for column in FIELDS if record.get(column)]
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
