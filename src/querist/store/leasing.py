"""Handing out items: what the annotator holds, the ranking, its reserve, random items, and last what they skipped this round."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import BindParameter, Connection, and_, bindparam, delete, exists, func, insert, not_, select, update

from querist.core.records import Asked, Query
from querist.store.items import askable, chunks, last_key
from querist.store.tables import asked, item, lease, query, ranking, round_, skip

Draw = Callable[[int, int], np.random.Generator]
"""Round and query number to the generator of random fills."""

_PROBES = 3
_SCAN = 2000  # open items looked at when probing failed; all of them where fewer are left


@dataclass(frozen=True, slots=True)
class Wish:
    """What an annotator asks for."""

    k: int
    by: str
    now: float
    until: float
    fill: bool


@dataclass(frozen=True, slots=True)
class _Round:
    n: int
    batch: int
    ranked: int


_Pick = tuple[int, Asked]

# Built once: making a statement costs more than running it, and these run while all other writers wait.
_now: BindParameter[float] = bindparam("now")
_by: BindParameter[str] = bindparam("by")
_n: BindParameter[int] = bindparam("n")
_k: BindParameter[int] = bindparam("k")
_from: BindParameter[int] = bindparam("start")
_listed: BindParameter[int] = bindparam("keys", expanding=True)
_OPEN = and_(askable(_now), not_(exists().where(and_(skip.c.item == item.c.key, skip.c.annotator == _by, skip.c.round == _n))))
_IN_FORCE = select(round_.c.n, round_.c.batch, round_.c.ranked).where(round_.c.state == "published").order_by(round_.c.n.desc()).limit(1)
_NUMBER = select(func.max(query.c.number))
_HELD = (
    select(lease.c.item, item.c.id, asked.c.rank, asked.c.score, asked.c.note)
    .join(item, item.c.key == lease.c.item)
    .join(asked, and_(asked.c.query == lease.c.query, asked.c.item == lease.c.item))
    .where(lease.c.annotator == _by, lease.c.until > _now)
    .order_by(asked.c.query, asked.c.place)
    .limit(_k)
)
_RANKED = (
    select(item.c.key, item.c.id, ranking.c.rank, ranking.c.score, ranking.c.note)
    .join(item, item.c.key == ranking.c.item)
    .where(ranking.c.round == _n, _OPEN)
    .order_by(ranking.c.rank)
    .limit(_k)
)
_HITS = select(item.c.key, item.c.id).where(item.c.key.in_(_listed), _OPEN)
_SCANS = tuple(select(item.c.key, item.c.id).where(part, _OPEN).order_by(item.c.key).limit(_k) for part in (item.c.key >= _from, item.c.key < _from))
_passed = skip.alias("passed")  # else it would correlate with the skips inside `askable`
_PASSED = (
    select(item.c.key, item.c.id, ranking.c.rank, ranking.c.score, ranking.c.note)
    .join(_passed, _passed.c.item == item.c.key)
    .outerjoin(ranking, and_(ranking.c.item == item.c.key, ranking.c.round == _n))
    .where(_passed.c.annotator == _by, _passed.c.round == _n, askable(_now))
    .order_by(_passed.c.number)
)
_RENEW = update(lease).where(lease.c.item.in_(_listed)).values(query=bindparam("number"), until=bindparam("ends"))
_CLEAR = delete(lease).where(lease.c.item.in_(_listed))
_ASKING, _ASKED, _LEASE = insert(query), insert(asked), insert(lease)


def ask(connection: Connection, wish: Wish, draw: Draw) -> tuple[Query, bool]:
    """Lease up to k items; also says whether the ranking ran dry while it held anything."""
    current = _in_force(connection)
    number = (connection.execute(_NUMBER).scalar() or 0) + 1
    picks = _held(connection, wish)
    fresh = _ranked(connection, wish, current, wish.k - len(picks))
    dry = len(picks) + len(fresh) < wish.k
    if dry and (wish.fill or current.n == 0):  # round 0 is random itself; waiting there would be for ever
        missing = wish.k - len(picks) - len(fresh)
        fresh += _random(connection, wish, current.n, taken={key for key, _ in fresh}, k=missing, rng=draw(current.n, number))
    if len(picks) + len(fresh) < wish.k:
        fresh += _put_behind(connection, wish, current, wish.k - len(picks) - len(fresh))
    _write(connection, wish, number=number, n=current.n, held=picks, fresh=fresh)
    made = Query(f"q{number}", current.n, wish.by, wish.now, wish.until, tuple(pick for _, pick in picks + fresh))
    return made, dry and bool(current.ranked)


def _in_force(connection: Connection) -> _Round:
    return _Round(*connection.execute(_IN_FORCE).one())  # there is one: round 0 is published in the transaction that makes the project


def _write(connection: Connection, wish: Wish, *, number: int, n: int, held: list[_Pick], fresh: list[_Pick]) -> None:
    connection.execute(_ASKING, {"number": number, "round": n, "annotator": wish.by, "at": wish.now, "until": wish.until})
    rows = [
        {"query": number, "place": place, "item": key, "rank": pick.rank, "score": pick.score, "source": pick.source, "note": pick.note}
        for place, (key, pick) in enumerate(held + fresh)
    ]
    if rows:
        connection.execute(_ASKED, rows)
    for chunk in chunks(key for key, _ in held):
        connection.execute(_RENEW, {"keys": chunk, "number": number, "ends": wish.until})
    for chunk in chunks(key for key, _ in fresh):
        connection.execute(_CLEAR, {"keys": chunk})  # only expired ones can be there
        connection.execute(_LEASE, [{"item": key, "query": number, "annotator": wish.by, "until": wish.until} for key in chunk])


def _held(connection: Connection, wish: Wish) -> list[_Pick]:
    rows = connection.execute(_HELD, {"by": wish.by, "now": wish.now, "k": wish.k})
    return [(row.item, Asked(row.id, row.rank, row.score, "held", row.note)) for row in rows]


def _ranked(connection: Connection, wish: Wish, current: _Round, k: int) -> list[_Pick]:
    rows = connection.execute(_RANKED, {"by": wish.by, "now": wish.now, "n": current.n, "k": k})
    return [(row.key, Asked(row.id, row.rank, row.score, "ranking" if row.rank < current.batch else "reserve", row.note)) for row in rows]


def _random(connection: Connection, wish: Wish, n: int, *, taken: set[int], k: int, rng: np.random.Generator) -> list[_Pick]:
    """Uniform over the open items: draw keys and keep the open ones; only a pool that is nearly used up is scanned."""
    last = last_key(connection)
    given = {"by": wish.by, "now": wish.now, "n": n}
    found: dict[int, str] = {}
    for probe in range(_PROBES if last else 0):
        drawn = [int(key) for key in rng.integers(1, last + 1, size=4 * k * 4**probe)]
        for chunk in chunks(drawn):
            hits = {row.key: row.id for row in connection.execute(_HITS, {**given, "keys": chunk})}
            found.update((key, hits[key]) for key in chunk if key in hits and key not in taken)
        if len(found) >= k:
            break
    if len(found) < k:
        left = dict(_scan(connection, given, int(rng.integers(1, last + 1)) if last else 1, k + len(taken) + len(found)))
        rest = sorted(key for key in left if key not in taken and key not in found)
        found.update((rest[place], left[rest[place]]) for place in rng.permutation(len(rest)).tolist())
    return [(key, Asked(item_id, -1, None, "random", "random fill")) for key, item_id in list(found.items())[:k]]


def _scan(connection: Connection, given: Mapping[str, object], start: int, least: int) -> list[tuple[int, str]]:
    rows: list[tuple[int, str]] = []
    for scan in _SCANS:
        found = connection.execute(scan, {**given, "start": start, "k": max(_SCAN, least) - len(rows)})
        rows += [(row.key, row.id) for row in found]
    return rows


def _put_behind(connection: Connection, wish: Wish, current: _Round, k: int) -> list[_Pick]:
    """What this annotator skipped in this round comes back to them when there is nothing else, oldest first."""
    rows = connection.execute(_PASSED, {"by": wish.by, "now": wish.now, "n": current.n})
    unique = {row.key: Asked(row.id, -1 if row.rank is None else row.rank, row.score, "reserve", row.note or "skipped before") for row in rows}
    return list(unique.items())[:k]


def release(connection: Connection, number: int) -> int:
    """Give the leases of a query back; returns how many there were."""
    return connection.execute(delete(lease).where(lease.c.query == number)).rowcount


def pending(connection: Connection, now: float) -> list[str]:
    """Ids leased to anybody."""
    return list(connection.execute(select(item.c.id).join(lease, lease.c.item == item.c.key).where(lease.c.until > now)).scalars())
