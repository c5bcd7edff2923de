"""Opening the database of a project, and the one way in which a transaction is made."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from querist.core.errors import BusyError, QueristError, StoreError, UsageError
from querist.core.optional import require

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".querist"
BUSY_SECONDS = 30.0
_ADVISORY = 0x71756572  # "quer": the PostgreSQL advisory lock that serialises writers, as BEGIN IMMEDIATE does in SQLite


@dataclass(frozen=True)
class Place:
    """Where a project lives: a SQLite file, memory, or a PostgreSQL URL."""

    shown: str
    file: Path | None
    url: str | None

    @property
    def memory(self) -> bool:
        """Is it lost with the process?"""
        return self.file is None and self.url is None


def place(path: str | Path) -> Place:
    """Read a project path.

    Raises:
        UsageError: unless it ends in `.querist`, is `:memory:`, or a `postgresql://` URL.
    """
    text = os.fspath(path)
    if text == ":memory:":
        return Place(text, None, None)
    if text.startswith(("postgresql://", "postgresql+psycopg://")):
        return Place(make_url(text).render_as_string(), None, text.replace("postgresql://", "postgresql+psycopg://", 1))
    if "://" in text or not text.endswith(SUFFIX):
        raise UsageError("not a project path", got=text, wanted=f"a path ending in {SUFFIX}, or a postgresql:// URL")
    return Place(text, Path(text), None)


class Database:
    """Transactions on one database. Safe to share between threads; open it again after a fork."""

    def __init__(self, where: Place) -> None:
        self.where = where
        self.engine = _engine(where)
        self._turn: contextlib.AbstractContextManager[object] = threading.RLock() if where.memory else contextlib.nullcontext()

    @contextlib.contextmanager
    def transaction(self, *, write: bool) -> Iterator[Connection]:
        """One transaction; a writing one excludes all other writers from its start.

        Raises:
            BusyError: if another writer holds the database for longer than `BUSY_SECONDS`.
            StoreError: if the database cannot be read or written.
        """
        try:
            with self._turn, queue(self.where.file if write else None), self.engine.connect() as connection:
                connection.execution_options(writer=write)
                with connection.begin():
                    yield connection
        except DBAPIError as error:
            raise explain(error, self.where.shown) from error

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


@contextlib.contextmanager
def queue(file: Path | None) -> Iterator[None]:
    """Wait in line to write. SQLite's own waiting is a lottery in which one of many writers can starve for seconds; the kernel's file locks wake in turn.

    Only a courtesy: SQLite's lock is what excludes, so where there are no file locks (or no writable folder) nothing is lost but order.
    """
    descriptor = None if file is None or fcntl is None else _turnstile(file)
    if descriptor is None or fcntl is None:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _turnstile(file: Path) -> int | None:
    turn = Path(f"{file}.d") / "turn"
    try:
        return os.open(turn, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except FileNotFoundError:
        with contextlib.suppress(OSError):
            turn.parent.mkdir(exist_ok=True)
            return os.open(turn, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:
        return None
    return None


def explain(error: DBAPIError, shown: str) -> QueristError:
    """A driver's error as one of ours, in words that help."""
    text = str(error.orig)
    lowered = text.lower()
    if "locked" in lowered or "busy" in lowered:
        return BusyError(
            f"the project {shown} is locked by another process for more than {BUSY_SECONDS:.0f} s", got=text, hint="Try again when it has finished."
        )
    if "not a database" in lowered or "malformed" in lowered:
        return StoreError(f"{shown} is no Querist project, or it is damaged", got=text, wanted="a file made by `querist init`")
    if "readonly" in lowered or "read-only" in lowered:
        return StoreError(f"{shown} cannot be written", got="a read-only file or disk", hint="Copy the project to a place where you may write.")
    if "full" in lowered:
        return StoreError(f"no space left to write {shown}", got=text, hint="Free some disk space; what was acknowledged before is safe.")
    return StoreError(f"the project {shown} cannot be read or written", got=text)


def is_missing_table(error: BaseException | None) -> bool:
    """Does the database lack our tables?"""
    return isinstance(error, DBAPIError) and ("no such table" in str(error.orig) or 'relation "meta" does not exist' in str(error.orig))


def connect(file: Path | None, *, create: bool = False) -> sqlite3.Connection:
    """A raw SQLite connection with our settings: explicit transactions, every commit on the disk before it returns."""
    if file is None:
        target = "file::memory:"
    else:
        mode = "rwc" if create else "rw"
        if not create and not _writable(file):
            mode = "ro&immutable=1"  # a read-only disk: WAL needs a writable folder, an immutable file does not
        target = f"file:{quote(str(file.absolute()))}?mode={mode}"
    connection = sqlite3.connect(target, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _writable(file: Path) -> bool:
    pending = Path(f"{file}-wal")
    if pending.exists() and pending.stat().st_size:
        return True  # an immutable open would miss what is in the log
    return os.access(file, os.W_OK) and os.access(file.absolute().parent, os.W_OK)


def _engine(where: Place) -> Engine:
    if where.url is not None:
        require("psycopg", by="a PostgreSQL project")
        engine = create_engine(where.url)
        event.listen(engine, "begin", _begin_postgres)
        return engine
    if where.file is None:
        engine = create_engine("sqlite://", creator=lambda: connect(None), poolclass=StaticPool)
    else:
        file = where.file
        engine = create_engine("sqlite://", creator=lambda: connect(file), poolclass=QueuePool)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once: a transaction that reads first and writes later could fail half-way with "locked".
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writer") else "BEGIN")


def _begin_postgres(connection: Connection) -> None:
    if connection.get_execution_options().get("writer"):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY})")
