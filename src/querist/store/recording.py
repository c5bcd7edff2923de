"""Appending what annotators said. Numbers are dense and given inside the exclusive transaction, so their order is the order of acknowledgement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select

from querist.store.items import chunks
from querist.store.tables import annotation, asked, item, label_space, lease, query, round_, skip

IDLE_CAP = 300.0
"""Active seconds of one answer at most: a longer pause was a break, not work."""


_listed = partial(bindparam, expanding=True)

# Built once: making a statement costs more than running it, and these run while all other writers wait.
_NUMBER = select(func.max(annotation.c.number))
_VERSION = select(func.max(label_space.c.version))
_ITEMS = select(item.c.id, item.c.key, item.c.part).where(item.c.id.in_(_listed("ids")))
_BY_KEY = select(annotation, item.c.id).join(item, item.c.key == annotation.c.item).where(annotation.c.key.in_(_listed("given")))
_LATEST = (
    select(annotation.c.item, annotation.c.annotator, func.max(annotation.c.number).label("number"))
    .where(annotation.c.item.in_(_listed("items")), annotation.c.annotator.in_(_listed("people")))
    .group_by(annotation.c.item, annotation.c.annotator)
)
_HINTS = (
    select(asked.c.item, asked.c.score, query.c.number, query.c.round, query.c.annotator, query.c.at)
    .join(query, query.c.number == asked.c.query)
    .where(asked.c.item.in_(_listed("items")), query.c.annotator.in_(_listed("people")))
    .order_by(query.c.number)
)
_LAST_TELL = (
    select(annotation.c.annotator, func.max(annotation.c.at).label("at")).where(annotation.c.annotator.in_(_listed("people"))).group_by(annotation.c.annotator)
)
_APPEND = insert(annotation)
_UNLEASE = delete(lease).where(lease.c.item.in_(_listed("items")))


@dataclass(frozen=True, slots=True)
class Told:
    """One annotation as it arrives, its value encoded under schema version `schema_version`."""

    item: str
    value: str
    annotator: str
    schema_version: int
    kind: str
    provenance: str = "human"
    seconds: float | None = None
    cost: float | None = None
    confidence: float | None = None
    query: int | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not stored. `why` is `unknown` (no such item), `test` (held out) or `key` (used for another item)."""

    item: str
    why: str


Stored = dict[str, Any]
"""The columns of one stored annotation, with the item's id under `id`."""


def record(connection: Connection, rows: Sequence[Told], now: float) -> list[Stored | Refused]:
    """Append annotations; per row what was stored, what was stored before under the same key, or why not."""
    found = _items(connection, {row.item for row in rows})
    by_key = _by_key(connection, [row.key for row in rows if row.key is not None])
    people = sorted({row.annotator for row in rows})
    known = [found[row.item][0] for row in rows if row.item in found]
    latest = _latest(connection, known, people)
    hints = _hints(connection, known, people)
    active = _last_tells(connection, people)
    number = last_number(connection)
    outcome: list[Stored | Refused] = []
    fresh: list[Stored] = []
    for row in rows:
        key, part = found.get(row.item, (0, "unknown"))
        before = by_key.get(row.key) if row.key is not None else None
        if part != "pool":
            outcome.append(Refused(row.item, part))
        elif before is not None:
            outcome.append(before if before["id"] == row.item and before["annotator"] == row.annotator else Refused(row.item, "key"))
        else:
            number += 1
            whose = (key, row.annotator)
            stored = _row(row, number=number, key=key, now=now, supersedes=latest.get(whose), hint=hints.get(whose), last_tell=active.get(row.annotator))
            latest[key, row.annotator], active[row.annotator] = number, now
            if row.key is not None:
                by_key[row.key] = stored
            fresh.append(stored)
            outcome.append(stored)
    if fresh:
        connection.execute(_APPEND, [{name: value for name, value in row.items() if name != "id"} for row in fresh])
        for chunk in chunks(row["item"] for row in fresh):
            connection.execute(_UNLEASE, {"items": chunk})  # it needs no answer any more, whoever held it
    return outcome


@dataclass(frozen=True, slots=True)
class _Hint:
    query: int
    round: int
    at: float
    score: float | None


def _row(told: Told, *, number: int, key: int, now: float, supersedes: int | None, hint: _Hint | None, last_tell: float | None) -> Stored:
    seconds = told.seconds
    if seconds is None and hint is not None:
        since = max(hint.at, last_tell) if last_tell is not None else hint.at
        seconds = min(max(now - since, 0.0), IDLE_CAP)
    return {
        "number": number, "item": key, "id": told.item, "annotator": told.annotator, "kind": told.kind, "unit": "item", "value": told.value,
        "schema_version": told.schema_version, "provenance": told.provenance, "confidence": told.confidence, "cost": told.cost, "seconds": seconds,
        "at": now, "round": hint.round if hint else None, "query": told.query if told.query is not None else (hint.query if hint else None),
        "score_at_query": hint.score if hint else None, "supersedes": supersedes, "key": told.key,
    }  # fmt: skip


def last_number(connection: Connection) -> int:
    """The highest annotation number, 0 without any."""
    return connection.execute(_NUMBER).scalar() or 0


def schema_version(connection: Connection) -> int:
    """The current version of the label space."""
    return connection.execute(_VERSION).scalar() or 0


def _items(connection: Connection, ids: Iterable[str]) -> dict[str, tuple[int, str]]:
    rows = (row for chunk in chunks(ids) for row in connection.execute(_ITEMS, {"ids": chunk}))
    return {row.id: (row.key, row.part) for row in rows}


def _by_key(connection: Connection, given: list[str]) -> dict[str, Stored]:
    rows = (row for chunk in chunks(given) for row in connection.execute(_BY_KEY, {"given": chunk}).mappings())
    return {row["key"]: dict(row) for row in rows}


def _latest(connection: Connection, known: list[int], people: list[str]) -> dict[tuple[int, str], int]:
    """(item, annotator) → number of their latest annotation of it."""
    rows = (row for chunk in chunks(known) for row in connection.execute(_LATEST, {"items": chunk, "people": people}))
    return {(row.item, row.annotator): row.number for row in rows}


def _hints(connection: Connection, known: list[int], people: list[str]) -> dict[tuple[int, str], _Hint]:
    """(item, annotator) → the last time they were asked for it."""
    rows = (row for chunk in chunks(known) for row in connection.execute(_HINTS, {"items": chunk, "people": people}))
    return {(row.item, row.annotator): _Hint(row.number, row.round, row.at, row.score) for row in rows}


def _last_tells(connection: Connection, people: list[str]) -> dict[str, float]:
    """Annotator → when they told something last."""
    return {row.annotator: row.at for row in connection.execute(_LAST_TELL, {"people": people})}


def pass_over(connection: Connection, item_id: str, annotator: str, now: float, *, reason: str | None, again: bool) -> Refused | None:
    """Append a skip; the item's lease to this annotator goes, a rejected item loses any lease."""
    key, part = _items(connection, {item_id}).get(item_id, (0, "unknown"))
    if part != "pool":
        return Refused(item_id, part)
    number = last_skip(connection) + 1
    n = connection.execute(select(func.max(round_.c.n)).where(round_.c.state == "published")).scalar() or 0
    connection.execute(insert(skip), {"number": number, "item": key, "annotator": annotator, "at": now, "round": n, "reason": reason, "again": again})
    whose = lease.c.annotator == annotator if again else lease.c.item == key
    connection.execute(delete(lease).where(and_(lease.c.item == key, whose)))
    return None


def last_skip(connection: Connection) -> int:
    """The highest number of a skip, 0 without any."""
    return connection.execute(select(func.max(skip.c.number))).scalar() or 0
