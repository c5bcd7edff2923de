"""One modality of a pool whose items are mappings, as a pool of its own. An item without it is not broken: it says so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from querist.core.contracts import Input, Pool
from querist.core.errors import PoolError

ABSENT: Final = "this item has no such modality"
"""How the reason begins when an item is without it."""


@dataclass(frozen=True)
class ModalityPool:
    """What the items of a pool say in one modality.

    Attributes:
        pool: Its items are mappings of named modalities, or it has `modality(item, name)`, which gives None where there is nothing.
        name: Of the modality.
    """

    pool: Pool
    name: str

    def ids(self) -> Sequence[str]:
        """All ids, also of items without it."""
        return self.pool.ids()

    def __len__(self) -> int:
        return len(self.pool)

    def load(self, item_id: str) -> Input:
        """The modality of one item.

        Raises:
            PoolError: where it is broken, or, beginning with `ABSENT`, where there is none.
        """
        own = getattr(self.pool, "modality", None)
        value = own(item_id, self.name) if own is not None else self._of(self.pool.load(item_id))
        if value is None:
            raise PoolError(ABSENT, got=f"{item_id}: no {self.name}")
        return value

    def _of(self, item: Any) -> Input | None:
        if not isinstance(item, Mapping):
            raise PoolError("this item is no mapping of modalities", got=type(item).__name__, wanted=f"a mapping with {self.name!r}")
        return item.get(self.name)

    def fingerprint(self) -> str:
        """Hex digest of the pool's, with the name."""
        return hashlib.sha256(f"{self.name}:{self.pool.fingerprint()}".encode()).hexdigest()

    def extend(self, items: Any = None) -> Sequence[str]:
        """Extend the pool itself."""
        return self.pool.extend(items)


def absent(reason: str) -> bool:
    """Whether an item cannot be read because it is without the modality."""
    return reason.startswith(ABSENT)
