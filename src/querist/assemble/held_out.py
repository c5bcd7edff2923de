"""The held-out items of a new project, and the pool items that equal them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from querist.core.contracts import Pool
from querist.core.errors import PoolError, UnknownItemError
from querist.data import formats
from querist.data.duplicates import byte_equal
from querist.data.labels import answers, read_test
from querist.data.renamed import RenamedPool


@dataclass(frozen=True)
class HeldOut:
    """Held-out items.

    Attributes:
        targets: Id → value.
        pool: Who loads them, or None where they are items of the project's own pool.
        renamed: The prefix that their ids were given, or an empty text.
    """

    targets: Mapping[str, Any]
    pool: Pool | None = None
    renamed: str = ""


def held_out(pool: Pool, source: str | None) -> HeldOut:
    """The held-out items of a project over a pool.

    Args:
        pool: The pool.
        source: A folder or table of labelled items, a table of ids of pool items with labels, or None.

    Raises:
        PoolError: if the source cannot be read.
        UnknownItemError: if a table without content names an item that the pool does not have.
    """
    if source is None:
        return HeldOut({})
    if _is_a_list(Path(source)):
        return HeldOut(_listed(source, pool))
    test = read_test(source)
    if set(test.targets).isdisjoint(pool.ids()):
        return HeldOut(_texts(test.targets), test.pool)
    renamed = RenamedPool(test.pool)
    return HeldOut({renamed.prefix + item: value for item, value in _texts(test.targets).items()}, renamed, renamed.prefix)


def duplicates(pool: Pool, held: HeldOut) -> tuple[str, ...]:
    """Ids of pool items that equal a held-out one byte for byte; they would be trained on and tested on."""
    return () if held.pool is None else byte_equal(pool, held.pool)


def _is_a_list(source: Path) -> bool:
    """Has the table nothing but ids and labels?"""
    if source.is_dir() or source.suffix.lower() not in formats.TABLES:
        return False
    columns = set(formats.names(formats.checked(source)))
    return bool(columns & {"id", "item"}) and columns <= {"id", "item", "label", "target", "class", "value", "annotator", "by"}


def _listed(source: str, pool: Pool) -> dict[str, Any]:
    known = set(pool.ids())
    listed: dict[str, Any] = {}
    for line, row in answers(source):
        item = str(row["id"])
        if item not in known:
            raise UnknownItemError(f"{source}, line {line} names an item that the pool does not have", got=repr(item), wanted="ids of the pool, or content")
        if row["label"] is None:
            raise PoolError(f"{source}, line {line} has no label", got=f"item {item!r}", wanted="a label")
        listed[item] = row["label"]
    return _texts(listed)


def _texts(targets: Mapping[str, Any]) -> dict[str, str]:
    return {item: value if isinstance(value, str) else str(value) for item, value in targets.items()}
