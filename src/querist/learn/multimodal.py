"""Items of several modalities as one flat row: every modality has a part of it, read by an encoder of its own, and a flag that says whether it is there.

A missing modality is legal: its part and its flag are 0. An item without any of them, or with a broken one, cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from querist.core.contracts import Pool, Report
from querist.core.errors import PoolError, UsageError
from querist.data.modalities import ModalityPool, absent
from querist.learn.inputs import Inputs

LOOKED_AT = 64
"""Items read for the shape of a modality that was not read before."""


class MultimodalInputs:
    """See `Inputs`. Columns: for each modality in the order of `parts` its flag, 0 or 1, then its numbers.

    Args:
        pool: The items.
        parts: Name of a modality → where its tensors come from, over a `ModalityPool`.
    """

    def __init__(self, pool: Pool, parts: Mapping[str, Inputs]) -> None:
        if not parts:
            raise UsageError("an item of several modalities has at least one", wanted="name of a modality → how it is read")
        self._pool, self._parts = pool, dict(parts)
        self._absent: dict[str, set[str]] = {name: set() for name in parts}
        self._sizes: dict[str, int] = {}

    @classmethod
    def of(cls, pool: Pool, makers: Mapping[str, Callable[[Pool], Inputs]]) -> MultimodalInputs:
        """Modality → how the inputs of a pool of it are made."""
        return cls(pool, {name: make(ModalityPool(pool, name)) for name, make in makers.items()})

    @property
    def sizes(self) -> Mapping[str, int]:
        """How many numbers each modality has, its flag apart."""
        for name, part in self._parts.items():
            if name not in self._sizes:
                for first in range(0, len(self._pool), LOOKED_AT):  # the first items may all be without it
                    if self._seen(name, part.readable(self._pool.ids()[first : first + LOOKED_AT]))[0]:
                        break
                self._sizes[name] = torch.Size(part.shape).numel()
        return self._sizes

    @property
    def shape(self) -> tuple[int, ...]:
        """(d,)."""
        return (sum(1 + size for size in self.sizes.values()),)

    def batch(self, ids: Sequence[str]) -> Tensor:
        """See `Inputs.batch`."""
        _, bad = self.readable(ids)
        if bad:
            item, reason = next(iter(bad.items()))
            raise PoolError(f"item {item!r} cannot be read: {reason}")
        columns = []
        for name, size in self.sizes.items():
            there = [place for place, item in enumerate(ids) if item not in self._absent[name]]
            own = torch.zeros(len(ids), 1 + size)
            if there:
                own[there, 0] = 1.0
                own[there, 1:] = self._parts[name].batch([ids[place] for place in there]).flatten(1)
            columns.append(own)
        return torch.cat(columns, dim=1)

    def readable(self, ids: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """See `Inputs.readable`."""
        bad: dict[str, str] = {}
        for name, part in self._parts.items():
            bad |= self._seen(name, part.readable([item for item in ids if item not in self._absent[name]]))[1]
        bad |= {item: "it has none of its modalities" for item in ids if all(item in lacking for lacking in self._absent.values())}
        return [item for item in ids if item not in bad], bad

    def ready(self, ids: Sequence[str]) -> list[str]:
        """See `Inputs.ready`: where every modality is at hand, or known to be missing."""
        kept = set(ids)
        for name, part in self._parts.items():
            kept &= {*part.ready(ids), *self._absent[name]}
        return [item for item in ids if item in kept]

    def prepare(self, want: Sequence[str], report: Report) -> dict[str, str]:
        """See `Inputs.prepare`: one modality after the other."""
        bad: dict[str, str] = {}
        for name, part in self._parts.items():
            bad |= self._seen(name, ([], part.prepare([item for item in want if item not in self._absent[name]], report)))[1]
        return bad

    def advance(self, seconds: float) -> bool:
        """See `Inputs.advance`."""
        more = [part.advance(seconds / len(self._parts)) for part in self._parts.values()]
        return any(more)

    def beside(self, pool: Pool, name: str = "test") -> MultimodalInputs:
        """See `Inputs.beside`."""
        other = MultimodalInputs(pool, {part: inputs.beside(ModalityPool(pool, part), name) for part, inputs in self._parts.items()})
        other._sizes = dict(self.sizes)
        return other

    def _seen(self, name: str, found: tuple[list[str], dict[str, str]]) -> tuple[list[str], dict[str, str]]:
        """Without the items that lack the modality, which are remembered."""
        good, bad = found
        self._absent[name] |= {item for item, reason in bad.items() if absent(reason)}
        return good, {item: f"{name}: {reason}" for item, reason in bad.items() if not absent(reason)}
