"""The store of one project: some two dozen narrow verbs, each one transaction, the same on a SQLite file, in memory and on PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert, inspect, select

from querist.core.errors import StoreError
from querist.core.records import Query, Round, Selection
from querist.core.spec import canonical_json
from querist.store import items, leasing, locks, reading, recording, rounds
from querist.store.artifacts import sync_folder
from querist.store.engine import SUFFIX, Database, Place, connect, is_missing_table, place
from querist.store.leasing import Draw, Wish
from querist.store.locks import Owner
from querist.store.reading import Vote
from querist.store.recording import Refused, Stored, Told
from querist.store.rounds import Outcome, RoundInput
from querist.store.tables import SCHEMA, label_space, meta, metadata


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a project stands, for the policies of updating and stopping.

    Attributes:
        round: The round in force.
        input: Its recorded input.
        fresh: Items annotated since that input was recorded.
        answered: Items labelled here, imported labels apart.
        people: Annotator → annotations, active seconds.
        drained: Did an `ask` find the ranking of this round used up?
        any_left: Is any item left to ask, now or when its lease ends?
    """

    round: int
    input: RoundInput
    fresh: int
    answered: int
    people: Mapping[str, tuple[int, float]]
    drained: bool
    any_left: bool


class Store:
    """One project's database. Safe to share between threads; open it again after a fork."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def create(cls, path: str | Path, fill: Callable[[Connection], None]) -> Store:
        """Make a new store, whole or not at all.

        Args:
            path: Where; see `place`.
            fill: Writes the first content, in the transaction that makes the tables.

        Raises:
            StoreError: if there is something already, or the place cannot be written.
        """
        where = place(path)
        if where.file is None:
            return cls(_fill(where, fill))
        if where.file.exists():
            raise StoreError("there is a project already", got=str(path), wanted="a new path", hint="Open it, or choose another name.")
        part = where.file.with_name(f".{where.file.name.removesuffix(SUFFIX)}-{os.getpid()}.part")
        try:
            with contextlib.closing(connect(part, create=True)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
            _fill(Place(where.shown, part, None), fill).close()
            os.link(part, where.file)  # unlike a rename, fails if somebody else made the project meanwhile
            sync_folder(where.file.absolute().parent)
        except FileExistsError as error:
            raise StoreError("there is a project already", got=str(path), wanted="a new path", hint="Open it, or choose another name.") from error
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"cannot make {path}: {error}", hint="Does the folder exist, and may you write there?") from error
        finally:
            for leftover in (part, Path(f"{part}-wal"), Path(f"{part}-shm")):
                with contextlib.suppress(OSError):
                    leftover.unlink()
        return cls(Database(where))

    @classmethod
    def open(cls, path: str | Path) -> Store:
        """Open an existing store.

        Raises:
            StoreError: if it is missing, no project, damaged, or written by a newer Querist.
        """
        where = place(path)
        if where.memory:
            raise StoreError("a project in memory cannot be opened again", got=str(path), wanted="a path ending in .querist")
        if where.file is not None and not where.file.is_file():
            raise StoreError("there is no such project", got=str(path), hint="Make it with `querist init` or Project.create.")
        database = Database(where)
        try:
            _check(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    @property
    def place(self) -> Place:
        """Where this store lives."""
        return self._database.where

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    # Reading.

    def meta(self, key: str) -> str | None:
        """A fact about the project."""
        with self._read() as connection:
            return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()

    def label_spaces(self) -> dict[int, Mapping[str, Any]]:
        """Version → schema of the label space."""
        with self._read() as connection:
            return {row.version: json.loads(row.schema) for row in connection.execute(select(label_space).order_by(label_space.c.version))}

    def counts(self, now: float) -> dict[str, int]:
        """Items by state; see `reading.counts`."""
        with self._read() as connection:
            return reading.counts(connection, now)

    def progress(self, now: float) -> Progress:
        """What policies of updating and stopping look at."""
        with self._read() as connection:
            n = rounds.last_published(connection)
            given = rounds.recorded(connection, n)
            assert given is not None, "every published round has its input"
            people = reading.active_seconds(connection)
            return Progress(
                round=n,
                input=given,
                fresh=reading.labelled_since(connection, given.annotation_max),
                answered=reading.answered(connection),
                people=people,
                drained=_flag(connection, "drained") == str(n),
                any_left=reading.any_askable(connection, now),
            )

    def money(self) -> float:
        """What the answers cost, as they were told."""
        with self._read() as connection:
            return reading.money(connection)

    def votes(self, annotation_max: int | None = None) -> list[Vote]:
        """The latest word of each annotator about each item, up to an annotation number."""
        with self._read() as connection:
            return reading.votes(connection, recording.last_number(connection) if annotation_max is None else annotation_max)

    def annotations(self, item_id: str | None = None) -> Iterator[Mapping[str, Any]]:
        """Every annotation ever, in order; streamed."""
        with self._read() as connection:
            yield from reading.history(connection, item_id)

    def held_out(self) -> list[tuple[str, str, int]]:
        """Test items: id, encoded value, schema version."""
        with self._read() as connection:
            return reading.held_out_values(connection)

    def find(self, item_id: str) -> Mapping[str, Any] | None:
        """The row of one item."""
        with self._read() as connection:
            return reading.find(connection, item_id)

    def ids(self, part: str = "pool") -> list[str]:
        """Ids in order of arrival."""
        with self._read() as connection:
            return reading.item_ids(connection, part)

    def candidates(self, given: RoundInput) -> list[str]:
        """Ids that a round may rank, leases apart, in order of arrival."""
        with self._read() as connection:
            return items.candidates(connection, annotation_max=given.annotation_max, skip_max=given.skip_max, item_max=given.item_max, round_=given.round)

    def rounds(self) -> list[Round]:
        """Published rounds."""
        with self._read() as connection:
            return rounds.published(connection)

    def round_input(self, n: int) -> RoundInput | None:
        """The recorded input of a round."""
        with self._read() as connection:
            return rounds.recorded(connection, n)

    def round_files(self, n: int) -> dict[str, str]:
        """Name → content hash of what a round left."""
        with self._read() as connection:
            return rounds.files(connection, n)

    def ranking(self, n: int) -> Selection:
        """The ranking of a round."""
        with self._read() as connection:
            return rounds.ranked(connection, n)

    def snapshots(self) -> list[tuple[int, str, str]]:
        """Round, snapshot and hash of published rounds."""
        with self._read() as connection:
            return rounds.snapshots(connection)

    def quarantined(self) -> dict[str, str]:
        """Id → reason."""
        with self._read() as connection:
            return dict(rounds.quarantined(connection))

    def holder(self, name: str, now: float) -> Owner | None:
        """The living owner of an exclusive right."""
        with self._read() as connection:
            return locks.holder(connection, name, now)

    # Writing.

    def set_meta(self, facts: Mapping[str, str]) -> None:
        """Write facts about the project."""
        with self._write() as connection:
            put_meta(connection, facts)

    def add_label_space(self, schema: Mapping[str, Any], event: Mapping[str, Any], now: float) -> bool:
        """Append a version of the label space; False if another process appended one first."""
        with self._write() as connection:
            if recording.schema_version(connection) != int(schema["version"]) - 1:
                return False
            put_label_space(connection, schema, event, now)
            return True

    def add_items(self, ids: Iterable[str], now: float, facts: Mapping[str, str], *, provenance: str) -> int:
        """Add pool items, and facts that change with them, in one piece."""
        with self._write() as connection:
            put_meta(connection, facts)
            return items.add(connection, ids, part="pool", provenance=provenance, at=now)

    def ask(self, wish: Wish, draw: Draw) -> Query:
        """Lease items."""
        with self._write() as connection:
            query, dry = leasing.ask(connection, wish, draw)
            if dry and _flag(connection, "drained") != str(query.round):
                put_meta(connection, {"drained": str(query.round)})
            return query

    def release(self, query: int) -> int:
        """Give a query's leases back."""
        with self._write() as connection:
            return leasing.release(connection, query)

    def record(self, rows: Sequence[Told], schema_version: int, now: float) -> list[Stored | Refused] | None:
        """Append annotations encoded under `schema_version`; None, and nothing stored, if that is no longer the current one."""
        with self._write() as connection:
            if recording.schema_version(connection) != schema_version:
                return None
            return recording.record(connection, rows, now)

    def skip(self, item_id: str, annotator: str, now: float, *, reason: str | None, again: bool) -> Refused | None:
        """Append a skip."""
        with self._write() as connection:
            return recording.pass_over(connection, item_id, annotator, now, reason=reason, again=again)

    def quarantine(self, reasons: Mapping[str, str], now: float) -> int:
        """Set unreadable items aside."""
        with self._write() as connection:
            return rounds.set_aside(connection, reasons, rounds.last_published(connection), now)

    def begin_round(self, now: float, batch: int) -> RoundInput:
        """Record the input of the next round, or resume an unfinished one."""
        with self._write() as connection:
            return rounds.begin(connection, now, batch)

    def publish(self, n: int, outcome: Outcome, right: tuple[str, str], now: float) -> bool:
        """Put a round in force; False, and nothing changed, if the right (name, token) was lost meanwhile."""
        with self._write() as connection:
            if not locks.holds(connection, *right):
                return False
            rounds.publish(connection, n, outcome, now)
            return True

    def withdraw_round(self, n: int) -> None:
        """Forget a started round."""
        with self._write() as connection:
            rounds.withdraw(connection, n)

    def take(self, name: str, now: float) -> tuple[Owner, bool]:
        """Take an exclusive right; its owner, and whether that is the caller."""
        with self._write() as connection:
            return locks.take(connection, name, now)

    def beat(self, name: str, token: str, now: float) -> bool:
        """Heartbeat of a right; False if it was lost."""
        with self._write() as connection:
            return locks.beat(connection, name, token, now)

    def drop(self, name: str, token: str) -> None:
        """Give a right back."""
        with self._write() as connection:
            locks.drop(connection, name, token)

    def _read(self) -> contextlib.AbstractContextManager[Connection]:
        return self._database.transaction(write=False)

    def _write(self) -> contextlib.AbstractContextManager[Connection]:
        return self._database.transaction(write=True)


def put_meta(connection: Connection, facts: Mapping[str, str]) -> None:
    """Write facts about the project."""
    for key, value in facts.items():
        connection.execute(delete(meta).where(meta.c.key == key))
        connection.execute(insert(meta), {"key": key, "value": value})


def put_label_space(connection: Connection, schema: Mapping[str, Any], event: Mapping[str, Any], now: float) -> None:
    """Append a version of the label space."""
    row = {"version": int(schema["version"]), "schema": canonical_json(schema), "event": canonical_json(event), "at": now}
    connection.execute(insert(label_space), row)


def _flag(connection: Connection, key: str) -> str | None:
    return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()


def _fill(where: Place, fill: Callable[[Connection], None]) -> Database:
    database = Database(where)
    try:
        with database.transaction(write=True) as connection:
            if inspect(connection).has_table(meta.name):
                raise StoreError("there is a project already", got=where.shown, wanted="an empty database", hint="Open it, or choose another one.")
            metadata.create_all(connection)
            put_meta(connection, {"schema": str(SCHEMA)})
            fill(connection)
    except BaseException:
        database.close()
        raise
    return database


def _check(database: Database) -> None:
    shown = database.where.shown
    try:
        with database.transaction(write=False) as connection:
            found = _flag(connection, "schema")
    except StoreError as error:
        if not is_missing_table(error.__cause__):
            raise
        found = None
    if found is None or not found.isdigit():
        raise StoreError(f"{shown} is no Querist project", got="a database without its tables", wanted="a file made by `querist init`")
    if int(found) > SCHEMA:
        raise StoreError(f"{shown} was written by a newer Querist", got=f"schema {found}", wanted=f"schema {SCHEMA}", hint="Upgrade: pip install -U querist.")
