"""Loading many items at once. One unreadable item never stops a round: it is reported and left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from querist.core.contracts import Pool
from querist.core.errors import PoolError, UnknownItemError


def load_batch(pool: Pool, ids: Sequence[str]) -> tuple[Any, dict[str, str]]:
    """The inputs of many items.

    Args:
        pool: Any pool; one with `take(ids)` is read in one step.
        ids: Which items.

    Returns:
        The inputs of the readable items in the order of `ids` (what `take` gives, usually one stacked array, else a list),
        and the reason for each id that cannot be read (such ids have no row among the inputs).
    """
    take = getattr(pool, "take", None)
    if take is None:
        return _one_by_one(pool, ids)
    try:
        return take(ids), {}
    except (PoolError, UnknownItemError):
        unreadable = _one_by_one(pool, ids)[1]
        return take([item_id for item_id in ids if item_id not in unreadable]), unreadable


def _one_by_one(pool: Pool, ids: Sequence[str]) -> tuple[list[Any], dict[str, str]]:
    inputs: list[Any] = []
    unreadable: dict[str, str] = {}
    for item_id in ids:
        try:
            inputs.append(pool.load(item_id))
        except (PoolError, UnknownItemError) as error:
            unreadable[item_id] = str(error)
    return inputs, unreadable
