"""Items in the database: adding them by the million, finding them by id, and the conditions that make one askable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from sqlalchemy import BindParameter, ColumnElement, Connection, and_, exists, func, insert, not_, select
from sqlalchemy.exc import IntegrityError

from querist.core.errors import PoolError
from querist.store.tables import annotation, held_out, item, lease, quarantine, skip

CHUNK = 500
"""Values per `IN (…)`: below every driver's limit on parameters."""

_BULK = 50_000
T = TypeVar("T")


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


def add(connection: Connection, ids: Iterable[str], *, part: str, provenance: str, at: float) -> int:
    """Add items, streamed; returns how many.

    Raises:
        PoolError: for an id that is there already.
    """
    first = last_key(connection) + 1
    shared = {"part": part, "provenance": provenance, "added": at}
    count = 0
    for chunk in chunks(ids, _BULK):
        rows = [{"key": first + count + offset, "id": item_id, **shared} for offset, item_id in enumerate(chunk)]
        try:
            connection.execute(insert(item), rows)
        except IntegrityError as error:
            raise PoolError("an id occurs twice", got=_repeated(connection, chunk), wanted="one id an item", hint="Give each item its own id.") from error
        count += len(chunk)
    return count


def _repeated(connection: Connection, ids: Sequence[str]) -> str | None:
    seen: set[str] = set()
    for item_id in ids:
        if item_id in seen:
            return item_id
        seen.add(item_id)
    return next(iter(keys(connection, ids)), None)


def last_key(connection: Connection) -> int:
    """The highest item key, 0 without items."""
    return connection.execute(select(func.max(item.c.key))).scalar() or 0


def keys(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """Id → key of those ids that exist."""
    found: dict[str, int] = {}
    for chunk in chunks(ids):
        found.update((row.id, row.key) for row in connection.execute(select(item.c.id, item.c.key).where(item.c.id.in_(chunk))))
    return found


def hold_out(connection: Connection, values: Mapping[str, str], version: int) -> None:
    """Record the encoded values of test items, which exist already."""
    found = keys(connection, values)
    connection.execute(insert(held_out), [{"item": found[item_id], "value": value, "schema_version": version} for item_id, value in values.items()])


def askable(now: float | BindParameter[float]) -> ColumnElement[bool]:
    """Condition on `item`: of the pool, and not labelled, leased by anybody, rejected or quarantined."""
    return and_(
        item.c.part == "pool",
        not_(exists().where(annotation.c.item == item.c.key)),
        not_(exists().where(and_(lease.c.item == item.c.key, lease.c.until > now))),
        not_(exists().where(and_(skip.c.item == item.c.key, skip.c.again.is_(False)))),
        not_(exists().where(quarantine.c.item == item.c.key)),
    )


def candidates(connection: Connection, *, annotation_max: int, skip_max: int, item_max: int, round_: int) -> list[str]:
    """Ids that a round with this recorded input may rank, in order of arrival; leases are the caller's to take away."""
    labelled = select(annotation.c.item).where(annotation.c.number <= annotation_max)
    rejected = select(skip.c.item).where(skip.c.number <= skip_max, skip.c.again.is_(False))
    broken = select(quarantine.c.item).where(quarantine.c.round < round_)
    open_ = select(item.c.id).where(
        item.c.part == "pool", item.c.key <= item_max, item.c.key.not_in(labelled), item.c.key.not_in(rejected), item.c.key.not_in(broken)
    )
    return list(connection.execute(open_.order_by(item.c.key)).scalars())
