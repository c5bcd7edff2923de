"""Rounds: the input recorded before the work, the outcome published in one piece after it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from querist.core.records import Round, Selection
from querist.core.spec import canonical_json
from querist.store.items import keys, last_key
from querist.store.leasing import pending
from querist.store.recording import last_number, last_skip, schema_version
from querist.store.tables import item, quarantine, ranking, round_


@dataclass(frozen=True, slots=True)
class RoundInput:
    """What a round works on, by number, so that it can be read again after a crash: events above these numbers are not its own."""

    round: int
    annotation_max: int
    skip_max: int
    item_max: int
    schema_version: int
    pending: tuple[str, ...]
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a round publishes. `files` maps names in its work folder to content hashes; `snapshot` is canonical JSON."""

    ranking: Selection
    labels_used: int
    of: int
    batch: int
    metrics: Mapping[str, float]
    seconds: Mapping[str, float]
    quarantined: Mapping[str, str]
    files: Mapping[str, str]
    snapshot: str
    hash: str
    note: str = ""


def begin(connection: Connection, now: float, batch: int) -> RoundInput:
    """Record the input of the next round, or read that of the round that a crash left unfinished."""
    open_round = connection.execute(select(round_).where(round_.c.state == "started")).mappings().first()
    if open_round is not None:
        return _input(open_round, resumed=True)
    last = connection.execute(select(func.max(round_.c.n))).scalar()
    row = {
        "n": 0 if last is None else last + 1, "state": "started", "started": now, "annotation_max": last_number(connection), "batch": batch,
        "skip_max": last_skip(connection), "item_max": last_key(connection), "schema_version": schema_version(connection),
        "pending": json.dumps(pending(connection, now)),
    }  # fmt: skip
    connection.execute(insert(round_), row)
    return _input(row)


def recorded(connection: Connection, n: int) -> RoundInput | None:
    """The recorded input of a round, if there is such a round."""
    row = connection.execute(select(round_).where(round_.c.n == n)).mappings().first()
    return None if row is None else _input(row)


def _input(row: Mapping[str, Any] | RowMapping, *, resumed: bool = False) -> RoundInput:
    values = dict(row)
    numbers = {name: values[name] for name in ("annotation_max", "skip_max", "item_max", "schema_version")}
    return RoundInput(round=values["n"], pending=tuple(json.loads(values["pending"])), resumed=resumed, **numbers)


def publish(connection: Connection, n: int, outcome: Outcome, now: float) -> None:
    """Put the round in force: its ranking, metrics, snapshot and newly quarantined items, all or nothing."""
    found = keys(connection, outcome.ranking.ids)
    rows = [
        {"round": n, "rank": rank, "item": found[item_id], "score": score, "note": note}
        for rank, (item_id, score, note) in enumerate(zip(outcome.ranking.ids, outcome.ranking.scores, outcome.ranking.reasons, strict=True))
    ]
    if rows:
        connection.execute(insert(ranking), rows)
    set_aside(connection, outcome.quarantined, n, now)
    values = {
        "state": "published", "finished": now, "batch": outcome.batch, "labels_used": outcome.labels_used, "ranked": len(rows), "of": outcome.of,
        "metrics": canonical_json(outcome.metrics), "seconds": canonical_json(outcome.seconds), "note": outcome.note,
        "files": canonical_json(outcome.files), "snapshot": outcome.snapshot, "hash": outcome.hash,
    }  # fmt: skip
    connection.execute(update(round_).where(round_.c.n == n).values(values))


def set_aside(connection: Connection, reasons: Mapping[str, str], n: int, now: float) -> int:
    """Quarantine items, those that are not yet; returns how many."""
    found = keys(connection, reasons)
    known = set(connection.execute(select(quarantine.c.item)).scalars()) if found else set()
    rows = [{"item": key, "reason": reasons[item_id], "at": now, "round": n} for item_id, key in found.items() if key not in known]
    if rows:
        connection.execute(insert(quarantine), rows)
    return len(rows)


def withdraw(connection: Connection, n: int) -> None:
    """Forget a started round that failed, so that the next attempt takes fresh input."""
    connection.execute(delete(round_).where(round_.c.n == n, round_.c.state == "started"))


def last_published(connection: Connection) -> int:
    """Number of the round in force."""
    return connection.execute(select(func.max(round_.c.n)).where(round_.c.state == "published")).scalar() or 0


def published(connection: Connection) -> list[Round]:
    """All rounds in force so far, in order."""
    rows = connection.execute(select(round_).where(round_.c.state == "published").order_by(round_.c.n)).mappings()
    return [Round(row["n"], row["labels_used"], row["ranked"], row["of"], json.loads(row["metrics"]), json.loads(row["seconds"]), row["note"]) for row in rows]


def snapshots(connection: Connection) -> list[tuple[int, str, str]]:
    """Round number, snapshot and hash of every published round, in order."""
    rows = connection.execute(select(round_.c.n, round_.c.snapshot, round_.c.hash).where(round_.c.state == "published").order_by(round_.c.n))
    return [(row.n, row.snapshot, row.hash) for row in rows]


def files(connection: Connection, n: int) -> dict[str, str]:
    """Name → content hash of what a round left behind."""
    text = connection.execute(select(round_.c.files).where(round_.c.n == n)).scalar()
    return dict(json.loads(text)) if text else {}


def ranked(connection: Connection, n: int) -> Selection:
    """The ranking of a round."""
    rows = list(
        connection.execute(
            select(item.c.id, ranking.c.score, ranking.c.note).join(item, item.c.key == ranking.c.item).where(ranking.c.round == n).order_by(ranking.c.rank)
        )
    )
    return Selection(tuple(row.id for row in rows), tuple(row.score for row in rows), tuple(row.note for row in rows))


def quarantined(connection: Connection) -> Iterable[tuple[str, str]]:
    """Id and reason of the quarantined items."""
    rows = connection.execute(select(item.c.id, quarantine.c.reason).join(item, item.c.key == quarantine.c.item).order_by(item.c.key))
    return [(row.id, row.reason) for row in rows]
