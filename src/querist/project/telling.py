"""From annotations to targets: rows as they arrive, and the consensus of several annotators as training sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from querist.core.clock import Clock
from querist.core.contracts import LabelSpace, Pool, Suiting
from querist.core.errors import LabelError, QueristError, UnknownItemError, UsageError
from querist.core.looks import Look
from querist.core.order import canonical
from querist.core.spec import canonical_json
from querist.project.classes import Classes
from querist.store.reading import Vote
from querist.store.recording import Refused, Stored, Told
from querist.store.verbs import Store

ANONYMOUS = "anonymous"
"""The annotator when nobody says who it is: one annotator like any other."""


@dataclass(frozen=True, slots=True)
class Row:
    """One answer on its way in."""

    item: str
    value: Any
    by: str = ANONYMOUS
    seconds: float | None = None
    cost: float | None = None
    confidence: float | None = None
    key: str | None = None
    query: str | None = None


@dataclass(frozen=True, slots=True)
class ToldMany:
    """What became of many answers. `errors` has one mapping `item, got, wanted, message` per refused row."""

    told: int
    revisions: int
    errors: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Review:
    """An item whose annotations give no target: a `tie`, or only `retired` classes. `votes`: annotator → present value or None."""

    item: str
    reason: str
    votes: Mapping[str, Any]


def rows(given: Mapping[str, Any] | Iterable[Any], by: str | None) -> list[Row]:
    """Answers in their normal form.

    Args:
        given: A mapping id → value, or rows: mappings with the fields of `Row`, or tuples `(item, value)` or `(item, value, by)`.
        by: Annotator of the rows that name none.

    Raises:
        UsageError: for a row of another form.
    """
    if isinstance(given, Mapping):
        given = list(given.items())
    return [_row(one, by or ANONYMOUS) for one in given]


def _row(one: Any, by: str) -> Row:
    if isinstance(one, Row):
        return one
    try:
        if isinstance(one, Mapping):
            row = Row(**{**dict(one), "by": one.get("by") or by})
        else:
            item, value, who = (*one, by) if len(one) == 2 and not isinstance(one, str) else one
            row = Row(item, value, who)
    except (TypeError, ValueError) as error:
        raise UsageError("not a row of answers", got=repr(one), wanted="item, value, and if you like by, seconds, cost, confidence, key, query") from error
    if not isinstance(row.item, str):
        raise UsageError("an item id is a text", got=repr(row.item), wanted="a text")
    return row


def refusal(refused: Refused) -> QueristError:
    """Why the store took an answer or a skip not."""
    if refused.why == "unknown":
        return UnknownItemError("there is no such item in this project", got=repr(refused.item), wanted="the id of a pool item")
    if refused.why == "test":
        return LabelError(refused.item, "an answer for a test item", "an item of the pool", "Test items are held out: they are never asked or labelled.")
    return UsageError("this key was used for another answer", got=repr(refused.item), wanted="one key per answer", hint="Keys make a repeated tell harmless.")


def valid(space: LabelSpace, row: Row, pool: Callable[[], Pool]) -> Any:
    """The value in its normal form. It is held against the item where that can be seen: what is said of data that moved away is kept.

    Raises:
        LabelError: for a value that the task refuses, or that does not suit the item.
    """
    value = space.validate(row.item, row.value)
    if isinstance(space, Suiting):
        try:
            items = pool()
        except QueristError:
            return value
        space.suits(row.item, value, Look(items, row.item))
    return value


def record(store: Store, classes: Classes, rows: Sequence[Row], provenance: str, clock: Clock, pool: Callable[[], Pool]) -> list[Stored | QueristError]:
    """Validate and append answers in one transaction; per row what is stored, or why not."""
    while True:
        space = classes.space
        outcomes: list[Stored | QueristError | None] = []
        told: list[Told] = []
        for row in rows:
            try:
                value = space.encode(valid(space, row, pool))
            except LabelError as error:
                outcomes.append(error)
                continue
            outcomes.append(None)
            number = query_number(row.query)
            told.append(Told(row.item, value, row.by, space.version, space.kind, provenance, row.seconds, row.cost, row.confidence, number, row.key))
        recorded = store.record(told, space.version, clock())
        if recorded is not None:
            kept = iter(recorded)
            filled = (next(kept) if outcome is None else outcome for outcome in outcomes)
            return [refusal(outcome) if isinstance(outcome, Refused) else outcome for outcome in filled]
        classes.forget()  # another process changed the classes: validate again under the present ones


def query_number(query: str | None) -> int | None:
    """The number in the id of a query.

    Raises:
        UsageError: if it is no such id.
    """
    if query is None:
        return None
    if not query.startswith("q") or not query[1:].isdigit():
        raise UsageError("not a query", got=query, wanted="the id of a query, as ask returned it")
    return int(query[1:])


def consensus(votes: Sequence[Vote], decode: Callable[[str, int], Any]) -> tuple[dict[str, Any], list[Review]]:
    """The training view: majority over annotators, each with their latest word; what has no majority goes to review.

    Args:
        votes: The latest annotation of every (item, annotator).
        decode: Encoded value and its schema version to the present value, None if it cannot be mapped.

    Returns:
        Item → target, in canonical order, and the items without one.
    """
    present: dict[tuple[str, int], Any] = {}
    by_item: dict[str, dict[str, Any]] = {}
    for vote in votes:
        code = (vote.value, vote.schema_version)
        if code not in present:
            present[code] = decode(*code)
        by_item.setdefault(vote.item, {})[vote.annotator] = present[code]
    targets: dict[str, Any] = {}
    reviews: list[Review] = []
    for item in canonical(by_item):
        said = {_key(value): value for value in by_item[item].values() if value is not None}
        tally = Counter(_key(value) for value in by_item[item].values() if value is not None).most_common(2)
        if not tally:
            reviews.append(Review(item, "retired", by_item[item]))
        elif len(tally) == 2 and tally[0][1] == tally[1][1]:
            reviews.append(Review(item, "tie", by_item[item]))
        else:
            targets[item] = said[tally[0][0]]
    return targets, reviews


def _key(value: Any) -> Any:
    """What equal values share: a list of boxes or a mapping of slots cannot be counted itself."""
    return value if isinstance(value, str) else canonical_json(value)
