"""Exclusive rights (to update, to be the worker) as rows with an owner and a heartbeat."""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from querist.store.tables import lock

STALE_SECONDS = 120.0
"""A heartbeat older than this belongs to an owner that is gone, wherever it ran."""

_mine: set[tuple[int, str]] = set()  # (pid, token) held by this process; the pid tells a forked child that they are not its own


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a right."""

    token: str
    pid: int
    host: str
    since: float
    beat: float


def take(connection: Connection, name: str, now: float) -> tuple[Owner, bool]:
    """Take the right unless somebody living holds it; returns its owner, and whether that is the caller from now on."""
    row = connection.execute(select(lock).where(lock.c.name == name)).first()
    if row is not None:
        owner = Owner(row.token, row.pid, row.host, row.since, row.beat)
        if living(owner, now):
            return owner, False
        connection.execute(delete(lock).where(lock.c.name == name))
    owner = Owner(uuid.uuid4().hex, os.getpid(), socket.gethostname(), now, now)
    connection.execute(insert(lock), {"name": name, "token": owner.token, "pid": owner.pid, "host": owner.host, "since": now, "beat": now})
    _mine.add((owner.pid, owner.token))
    return owner, True


def ours(owner: Owner) -> bool:
    """Does this very process hold it?"""
    return (os.getpid(), owner.token) in _mine and owner.pid == os.getpid()


def living(owner: Owner, now: float) -> bool:
    """May the owner still be at work? Not if its heart stopped, or if it ran on this machine and is no more."""
    if now - owner.beat > STALE_SECONDS:
        return False
    if owner.host != socket.gethostname():
        return True
    if owner.pid == os.getpid():
        return ours(owner)  # else a process that is gone had our number, as containers reuse them
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def beat(connection: Connection, name: str, token: str, now: float) -> bool:
    """Show that the owner lives; False if the right was taken over."""
    return connection.execute(update(lock).where(lock.c.name == name, lock.c.token == token).values(beat=now)).rowcount == 1


def holds(connection: Connection, name: str, token: str) -> bool:
    """Is the right still this owner's?"""
    return connection.execute(select(lock.c.token).where(lock.c.name == name)).scalar() == token


def drop(connection: Connection, name: str, token: str) -> None:
    """Give the right back."""
    _mine.discard((os.getpid(), token))
    connection.execute(delete(lock).where(lock.c.name == name, lock.c.token == token))


def holder(connection: Connection, name: str, now: float) -> Owner | None:
    """The living owner, if there is one."""
    row = connection.execute(select(lock).where(lock.c.name == name)).first()
    if row is None:
        return None
    owner = Owner(row.token, row.pid, row.host, row.since, row.beat)
    return owner if living(owner, now) else None
