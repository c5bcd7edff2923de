"""Slots of items as items: one asks for one answer of several, and everything that chooses items chooses answers.

A slot loads its whole parent and, as further channels, which slots are asked about: 1 there, -1 for the others. `nets.asked.Asked` takes these
channels for what they are, and what is said of other slots does not count. A slot's target is its parent's answer there, and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from querist.core.contracts import Pool
from querist.core.errors import PoolError, UnknownItemError, UsageError
from querist.core.order import canonical
from querist.data.regions import MARK


@dataclass(frozen=True)
class SlotPool:
    """The slots of every item of another pool. Ids are `PARENT#slot`.

    Attributes:
        pool: Items are rows (d,) or images (h, w) or (h, w, ch).
        slots: Names of the slots, as the label space of `multi_output` has them.
        whole: Items are whole parents, of which every slot is asked about, under the parents' own ids: for held-out items.
    """

    pool: Pool
    slots: tuple[str, ...]
    whole: bool = False

    @cached_property
    def _ids(self) -> tuple[str, ...]:
        if not self.slots or len(set(self.slots)) != len(self.slots):
            raise UsageError("slots have names of their own", got=", ".join(self.slots) or "none")
        return tuple(self.pool.ids()) if self.whole else tuple(canonical(f"{parent}{MARK}{slot}" for parent in self.pool.ids() for slot in self.slots))

    def ids(self) -> Sequence[str]:
        """All ids, in canonical order."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def load(self, item_id: str) -> NDArray[np.float32]:
        """The parent with one more channel for every slot; float32, (d + slots,) or (h, w, ch + slots).

        Raises:
            UnknownItemError: for no id of a slot.
            PoolError: for a parent that is no row or image.
        """
        parent, asked = self._asked(item_id)
        x = np.asarray(self.pool.load(parent), dtype=np.float32)
        x = x[..., None] if x.ndim == 2 else x
        if x.ndim not in (1, 3):
            raise PoolError(f"item {parent!r} has no slots", got=x.shape, wanted="(d,), (h, w) or (h, w, ch)")
        told = np.array([1.0 if slot in asked else -1.0 for slot in self.slots], dtype=np.float32)
        return np.concatenate([x, np.broadcast_to(told, (*x.shape[:-1], len(told)))], axis=-1)

    def fingerprint(self) -> str:
        """Hex digest of the parents' and of the slots."""
        return hashlib.sha256(f"slots:{self.slots}:{self.whole}:{self.pool.fingerprint()}".encode()).hexdigest()

    def extend(self, items: Any) -> Sequence[str]:
        """Refused: extend the pool of the parents.

        Raises:
            UsageError: always.
        """
        raise UsageError("slots are parts of the items of a pool", hint="Extend that pool, and make its slots anew.")

    def _asked(self, item_id: str) -> tuple[str, tuple[str, ...]]:
        """The parent's id and the slots that are asked about.

        Raises:
            UnknownItemError: for no id of a slot.
        """
        if self.whole:
            return item_id, self.slots
        parent, mark, slot = item_id.rpartition(MARK)
        if not mark or slot not in self.slots:
            raise UnknownItemError("there is no such slot in the pool", got=repr(item_id), wanted=f"an id like 'PARENT{MARK}{self.slots[0]}'")
        return parent, (slot,)

    def values(self, whole: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """What is true of the slots of these parents: the one answer; nothing where nobody answered.

        Args:
            whole: Parent → slot → answer.
        """
        found: dict[str, dict[str, Any]] = {}
        for item in self._ids:
            parent, asked = self._asked(item)
            said = {slot: whole[parent][slot] for slot in asked if whole.get(parent, {}).get(slot) is not None}
            if said:
                found[item] = said
        return found
