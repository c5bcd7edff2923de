"""Making a project: its spec, its items, labels that exist already, and round 0, so that `ask` works at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from querist.core.contracts import LabelSpace, Pool
from querist.core.errors import LabelError, PoolError, UsageError
from querist.core.order import canonical
from querist.core.records import RoundJob, RoundResult, Selection
from querist.core.rng import stream
from querist.core.spec import canonical_json, spec
from querist.project import snapshot, telling
from querist.project.stopping import budget as read_budget
from querist.project.stopping import counted
from querist.project.telling import Row, refusal
from querist.store import items, recording, rounds
from querist.store.recording import Refused, Told
from querist.store.rounds import Outcome
from querist.store.verbs import put_label_space, put_meta

RESERVE = 10
"""A ranking holds this many batches behind the first."""


@dataclass(frozen=True)
class Beginning:
    """All that a new project starts from.

    Attributes:
        plan: Its spec.
        space: Its label space.
        ids: Pool ids in canonical order, test items taken out.
        test: Held-out id → valid value.
        annotations: Labels that exist already.
        quarantined: Id → reason of pool items that must not be asked.
        fingerprint: Of the pool.
        now: The time.
        pool: The items, which imported labels have to suit.
    """

    plan: Mapping[str, Any]
    space: LabelSpace
    ids: Sequence[str]
    test: Mapping[str, Any]
    annotations: Sequence[Row]
    quarantined: Mapping[str, str]
    fingerprint: str
    now: float
    pool: Pool

    def fill(self, connection: Connection) -> None:
        """Write it all, in the transaction that makes the store."""
        put_meta(connection, {"spec": canonical_json(self.plan), "data": self.fingerprint})
        put_label_space(connection, self.space.schema(), {"new": True}, self.now)
        items.add(connection, self.ids, part="pool", provenance="pool", at=self.now)
        items.add(connection, self.test, part="test", provenance="pool", at=self.now)
        if self.test:
            items.hold_out(connection, {item: self.space.encode(value) for item, value in self.test.items()}, self.space.version)
        rounds.set_aside(connection, self.quarantined, 0, self.now)
        given = rounds.begin(connection, self.now, int(self.plan["initial"]))  # before the imported labels: they are news to round 1
        labelled = self._import(connection)
        rounds.publish(connection, 0, self._round_zero(given, labelled), self.now)

    def _import(self, connection: Connection) -> set[str]:
        told = [
            Told(
                item=row.item,
                value=self.space.encode(telling.valid(self.space, row, lambda: self.pool)),
                annotator=row.by,
                schema_version=self.space.version,
                kind=self.space.kind,
                provenance="imported",
                cost=row.cost,
                confidence=row.confidence,
            )
            for row in self.annotations
        ]
        for outcome in recording.record(connection, told, self.now):
            if isinstance(outcome, Refused):
                raise refusal(outcome)
        return {row.item for row in told}

    def _round_zero(self, given: rounds.RoundInput, labelled: set[str]) -> Outcome:
        """A random order, drawn over all pool items in canonical order, so that it does not depend on what was labelled before."""
        initial, reserve = int(self.plan["initial"]), int(self.plan["reserve"])
        order = stream(int(self.plan["seed"]), 0, "init_set").permutation(len(self.ids))
        out = labelled | set(self.quarantined)
        wanted = initial + reserve
        picked: list[str] = []
        for place in order:
            if len(picked) == wanted:
                break
            if self.ids[place] not in out:
                picked.append(self.ids[place])
        ranking = Selection(tuple(picked), (0.0,) * len(picked), ("random start",) * len(picked))
        job = RoundJob(0, int(self.plan["seed"]), {}, {}, (), (), initial, reserve, self.space.schema(), None, "")
        result = RoundResult(ranking, {}, {}, len(self.ids))
        text = canonical_json(snapshot.take(self.plan, {"fingerprint": self.fingerprint, "items": given.item_max}, given, job, result))
        return Outcome(ranking, 0, len(self.ids), min(initial, len(picked)), {}, {}, {}, {}, text, snapshot.link(snapshot.ROOT, text), "random start")


def beginning(
    space: LabelSpace, pool: Pool, *, test_pool: Pool | None, test: Mapping[str, Any] | None, annotations: Mapping[str, Any] | Iterable[Any] | None,
    quarantined: Mapping[str, str] | None, options: Mapping[str, Any], now: float,
) -> Beginning:  # fmt: skip
    """Check everything that a new project is given; see `Project.create`."""
    held_out = valid_test(space, test)
    known = pool_ids(pool)
    if test_pool is not None and (both := set(known) & set(test_pool.ids())):
        raise PoolError("the pool and the test pool share ids", got=sorted(both)[:3], wanted="different ids")
    ids = [item for item in known if item not in held_out] if held_out else known
    rows = telling.rows(annotations or {}, "imported")
    aside = quarantined or {}
    taken = {row.item for row in rows} | set(aside)
    given = {
        **options,
        "pool": plain_pool(pool),
        "test_pool": None if test_pool is None else plain_pool(test_pool),
        "task": space.kind,
        "method": spec(options["method"]),
        "learner": spec(options["learner"]),
    }
    counted(read_budget(given["budget"]), space)
    made = plan(given, sum(item not in taken for item in ids) if taken else len(ids))
    return Beginning(made, space, ids, held_out, rows, aside, pool.fingerprint(), now, pool)


def plain_pool(pool: Pool) -> Any:
    """The spec of a pool that can be rebuilt from it, else None (arrays in memory)."""
    try:
        return spec(pool)
    except UsageError:
        return None


def pool_ids(pool: Pool) -> list[str]:
    """The ids of a pool, in canonical order.

    Raises:
        PoolError: if it is empty, or an id is no text, empty, or comes twice.
    """
    given: list[Any] = list(pool.ids())
    if not given:
        raise PoolError("the pool is empty", got="no items", wanted="at least one item")
    strange = next((item for item in given if not isinstance(item, str) or not item), None)
    if strange is not None:
        raise PoolError("an item id is a text", got=repr(strange), wanted="a text that is not empty")
    ids: list[str] = given
    if len(set(ids)) != len(ids):
        seen: set[str] = set()
        twice = next(item for item in ids if item in seen or seen.add(item))  # type: ignore[func-returns-value]
        raise PoolError("an id occurs twice in the pool", got=repr(twice), wanted="one id an item", hint="Give each item its own id.")
    return canonical(ids)


def plan(given: Mapping[str, Any], available: int) -> dict[str, Any]:
    """The project spec, checked against what the pool has to give.

    Args:
        given: Its keys as `Project.create` has them; `initial` and `batch` may be None.
        available: Pool items that can be asked.

    Raises:
        UsageError: for a number out of range.
    """
    made = dict(given)
    made["batch"] = _whole("batch", made["batch"], 20, 1)
    made["initial"] = _whole("initial", made["initial"], min(made["batch"], available), 1)
    made["seed"] = _whole("seed", made["seed"], 0, 0)
    made["reserve"] = RESERVE * made["batch"] if made.get("reserve") is None else int(made["reserve"])
    if made["initial"] > available:
        raise UsageError("the initial set is larger than the pool", got=made["initial"], wanted=f"at most {available}")
    allowed = read_budget(made["budget"]).labels
    if allowed is not None and allowed > available:
        raise UsageError("the budget is larger than the pool", got=allowed, wanted=f"at most {available} labels")
    made["budget"] = None if made["budget"] is None else str(made["budget"]).strip()
    made["rounds"] = None if made["rounds"] is None else _whole("rounds", made["rounds"], 0, 1)
    if made["target"] is not None and not 0 < float(made["target"]) <= 1:
        raise UsageError("a target is an accuracy", got=made["target"], wanted="a fraction in (0, 1]")
    if made["on_empty"] not in ("random", "wait"):
        raise UsageError("unknown policy for a ranking that is used up", got=made["on_empty"], wanted="random or wait")
    if not float(made["ttl"]) > 0:
        raise UsageError("a lease lasts some time", got=made["ttl"], wanted="seconds > 0")
    return made


def valid_test(space: LabelSpace, test: Mapping[str, Any] | Iterable[tuple[str, Any]] | None) -> dict[str, Any]:
    """Held-out values, checked.

    Raises:
        LabelError: for a value that the task refuses, or an item with two values.
    """
    if test is None:
        return {}
    checked: dict[str, Any] = {}
    for item, value in test.items() if isinstance(test, Mapping) else test:
        if item in checked and checked[item] != space.validate(item, value):
            raise LabelError(item, value, f"one value per test item; it has {checked[item]!r} already")
        checked[item] = space.validate(item, value)
    return {item: checked[item] for item in canonical(checked)}


def _whole(name: str, value: Any, default: int, least: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name} is a whole number", got=repr(value), wanted=f"≥ {least}")
    return value
