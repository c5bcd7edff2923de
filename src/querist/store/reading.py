"""Derived states and views, by queries alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, and_, exists, func, not_, select

from querist.store.items import askable
from querist.store.tables import annotation, held_out, item, lease, quarantine, ranking, skip

IMPLIED: Final = "propagated"
"""Provenance of labels that other labels imply: they cost nothing and make no batch."""

FREE: Final = ("imported", IMPLIED)
"""Provenance of labels that nobody was asked for here."""


@dataclass(frozen=True, slots=True)
class Vote:
    """The latest word of one annotator about one item, encoded under `schema_version`."""

    item: str
    annotator: str
    value: str
    schema_version: int
    provenance: str
    number: int


def votes(connection: Connection, annotation_max: int) -> list[Vote]:
    """The latest annotation of every (item, annotator) among those numbered up to `annotation_max`, by number."""
    later = annotation.alias("later")
    revised = exists().where(
        and_(
            later.c.item == annotation.c.item,
            later.c.annotator == annotation.c.annotator,
            later.c.number > annotation.c.number,
            later.c.number <= annotation_max,
        )
    )
    rows = connection.execute(
        select(item.c.id, annotation.c.annotator, annotation.c.value, annotation.c.schema_version, annotation.c.provenance, annotation.c.number)
        .join(item, item.c.key == annotation.c.item)
        .where(annotation.c.number <= annotation_max, not_(revised))
        .order_by(annotation.c.number)
    )
    return [Vote(*row) for row in rows]


def history(connection: Connection, item_id: str | None) -> Iterator[Mapping[str, Any]]:
    """Every annotation in order, or those of one item: all columns, and the item's id under `id`."""
    chosen = select(annotation, item.c.id).join(item, item.c.key == annotation.c.item).order_by(annotation.c.number)
    if item_id is not None:
        chosen = chosen.where(item.c.id == item_id)
    for row in connection.execute(chosen).mappings():
        yield dict(row)


def held_out_values(connection: Connection) -> list[tuple[str, str, int]]:
    """Id, encoded value and schema version of the test items, in order of arrival."""
    rows = connection.execute(select(item.c.id, held_out.c.value, held_out.c.schema_version).join(item, item.c.key == held_out.c.item).order_by(item.c.key))
    return [(row.id, row.value, row.schema_version) for row in rows]


def counts(connection: Connection, now: float) -> dict[str, int]:
    """How many items are in which state; an item may be in several (skipped by one, leased to another)."""
    labelled = exists().where(annotation.c.item == skip.c.item)
    parts = {row.part: row.n for row in connection.execute(select(item.c.part, func.count().label("n")).group_by(item.c.part))}
    skips = select(func.count(func.distinct(skip.c.item))).where(not_(labelled))
    one = {
        "labelled": select(func.count(func.distinct(annotation.c.item))),
        "leased": select(func.count()).select_from(lease).where(lease.c.until > now),
        "skipped": skips.where(skip.c.again.is_(True)),
        "rejected": skips.where(skip.c.again.is_(False)),
        "quarantined": select(func.count()).select_from(quarantine),
        "annotations": select(func.count()).select_from(annotation),
    }
    return {
        "items": parts.get("pool", 0),
        "test": parts.get("test", 0),
        **{name: connection.execute(statement).scalar() or 0 for name, statement in one.items()},
    }


def labelled_since(connection: Connection, number: int) -> int:
    """Items with an annotation of a higher number; what other answers imply is not counted."""
    since = and_(annotation.c.number > number, annotation.c.provenance != IMPLIED)
    return connection.execute(select(func.count(func.distinct(annotation.c.item))).where(since)).scalar() or 0


def answered(connection: Connection) -> int:
    """Items that somebody labelled here: all but those whose labels were only imported, or implied by others."""
    here = annotation.c.provenance.not_in(FREE)
    return connection.execute(select(func.count(func.distinct(annotation.c.item))).where(here)).scalar() or 0


def active_seconds(connection: Connection) -> dict[str, tuple[int, float]]:
    """Annotator → number of annotations, active seconds."""
    rows = connection.execute(
        select(annotation.c.annotator, func.count().label("n"), func.sum(annotation.c.seconds).label("seconds"))
        .group_by(annotation.c.annotator)
        .order_by(annotation.c.annotator)
    )
    return {row.annotator: (row.n, float(row.seconds or 0.0)) for row in rows}


def money(connection: Connection) -> float:
    """The sum of what answers were told to cost; those that were imported, or implied by others, apart."""
    return float(connection.execute(select(func.sum(annotation.c.cost)).where(annotation.c.provenance.not_in(FREE))).scalar() or 0.0)


def any_askable(connection: Connection, now: float) -> bool:
    """Is there any item left that could be asked, now or when its lease ends?"""
    if connection.execute(select(lease.c.item).where(lease.c.until > now).limit(1)).first() is not None:
        return True
    return connection.execute(select(item.c.key).where(askable(now)).limit(1)).first() is not None


def ranking_drained(connection: Connection, n: int, now: float) -> bool:
    """Does the ranking of a round hold nothing more to hand out?"""
    left = select(ranking.c.rank).join(item, item.c.key == ranking.c.item).where(ranking.c.round == n, askable(now)).limit(1)
    return connection.execute(left).first() is None


def find(connection: Connection, item_id: str) -> Mapping[str, Any] | None:
    """The row of one item, if it exists."""
    row = connection.execute(select(item).where(item.c.id == item_id)).mappings().first()
    return None if row is None else dict(row)


def item_ids(connection: Connection, part: str) -> list[str]:
    """All ids of a part, in order of arrival."""
    return list(connection.execute(select(item.c.id).where(item.c.part == part).order_by(item.c.key)).scalars())
