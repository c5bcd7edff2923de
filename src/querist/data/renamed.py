"""A pool under other ids: held-out items whose ids the pool has given to items of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from querist.core.contracts import Input, Pool
from querist.core.errors import UnknownItemError, UsageError


@dataclass(frozen=True)
class RenamedPool:
    """The items of a pool with a prefix before every id.

    Attributes:
        pool: The pool.
        prefix: What stands before its ids.
    """

    pool: Pool
    prefix: str = "test:"

    def ids(self) -> Sequence[str]:
        """All ids, in canonical order: a prefix in common changes no order."""
        return tuple(self.prefix + item_id for item_id in self.pool.ids())

    def __len__(self) -> int:
        return len(self.pool)

    def load(self, item_id: str) -> Input:
        """One item."""
        return self.pool.load(self._own(item_id))

    def file(self, item_id: str) -> Path | None:
        """The file of an item, or None if it has none."""
        locate = getattr(self.pool, "file", None)
        found: Path | None = None if locate is None else locate(self._own(item_id))
        return found

    def fingerprint(self) -> str:
        """Hex digest of the pool below."""
        return self.pool.fingerprint()

    def extend(self, items: Any) -> Sequence[str]:
        """Refused: held-out items stay what they are."""
        raise UsageError("held-out items do not grow", got=items)

    def _own(self, item_id: str) -> str:
        if not item_id.startswith(self.prefix):
            raise UnknownItemError("there is no such item in the pool", got=repr(item_id), wanted=f"an id that starts with {self.prefix!r}")
        return item_id.removeprefix(self.prefix)
