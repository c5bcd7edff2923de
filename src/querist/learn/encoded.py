"""Inputs that are computed once per item by a frozen encoder, in random order, in the background, and kept on disk.

A round ranks what is ready. Labelled and leased items are computed when they are asked for, then as many test items and
candidates as the time allows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from querist.core.contracts import Pool, Report
from querist.core.errors import PoolError
from querist.core.rng import stream
from querist.data.batch import load_batch
from querist.learn.inputs import Standardiser, as_planes
from querist.learn.rows import Rows
from querist.nets.encoders import Encode, Encoder

BATCH = 64
NORM_SAMPLE = 256
"""Items that the standardisation is computed from: a fixed draw, so that it does not depend on what was computed first."""


class EncodedInputs:
    """See `Inputs`.

    Args:
        pool: The items.
        encoder: Frozen.
        folder: Where the rows are kept; one folder per pool and encoder.
        seconds: Time that `prepare` may spend on items that a round could do without.
        norm_of: Whose standardisation to use (a test set uses the pool's).
    """

    def __init__(self, pool: Pool, encoder: Encoder, folder: Path, seconds: float = 15.0, norm_of: EncodedInputs | None = None) -> None:
        self._pool, self._encoder, self._folder, self._seconds = pool, encoder, folder, seconds
        self._norm_of = norm_of
        self.rows = Rows(folder)
        self._encode: Encode | None = None
        self._broken: dict[str, str] = {}
        self._order: list[str] | None = None
        self._norm: Standardiser | None = None

    def beside(self, pool: Pool, name: str = "test") -> EncodedInputs:
        """See `Inputs.beside`."""
        return EncodedInputs(pool, self._encoder, self._folder / name, self._seconds, self)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item as the network sees it."""
        if self.rows.shape is None:
            raise PoolError("no item of the pool could be read", got=next(iter(self._broken.values()), "nothing"), wanted="readable items")
        return tuple(as_planes(np.zeros((1, *self.rows.shape), dtype=np.float32)).shape[1:])

    def batch(self, ids: Sequence[str]) -> Tensor:
        """See `Inputs.batch`; rows that are not there yet are computed now."""
        self._compute([item for item in ids if item not in self.rows])
        lost = next((item for item in ids if item not in self.rows), None)
        if lost is not None:
            raise PoolError(f"item {lost!r} cannot be read: {self._broken.get(lost, 'unknown reason')}")
        rows = as_planes(self.rows.take(ids))
        return torch.from_numpy(rows if getattr(self._encoder, "indices", False) else self._standardise()(rows))

    def readable(self, ids: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """See `Inputs.readable`."""
        self._compute([item for item in ids if item not in self.rows])
        return [item for item in ids if item in self.rows], {item: self._broken[item] for item in ids if item in self._broken}

    def ready(self, ids: Sequence[str]) -> list[str]:
        """See `Inputs.ready`."""
        return [item for item in ids if item in self.rows]

    def prepare(self, want: Sequence[str], report: Report) -> dict[str, str]:
        """See `Inputs.prepare`."""
        started = time.monotonic()
        missing = self._shuffled(want)
        for first in range(0, len(missing), BATCH):
            # Something to choose from is worth more than punctuality: one batch is always computed.
            if first and time.monotonic() - started > self._seconds:
                break
            self._compute(missing[first : first + BATCH])
            report("features", min((first + BATCH) / len(missing), 1.0), {"ready": len(self.rows), "missing": max(len(missing) - first - BATCH, 0)})
        return {item: self._broken[item] for item in want if item in self._broken}

    def advance(self, seconds: float) -> bool:
        """Compute more rows of the pool in the background; True while there are any left."""
        started = time.monotonic()
        if self._order is None:
            self._order = self._shuffled(self._pool.ids())[::-1]
        while self._order and time.monotonic() - started < seconds:
            chunk = [self._order.pop() for _ in range(min(BATCH, len(self._order)))]
            self._compute([item for item in chunk if item not in self.rows])
        return bool(self._order)

    def _shuffled(self, ids: Sequence[str]) -> list[str]:
        """The ids without a row, in one fixed random order: what is ready is a fair sample."""
        order = stream(0, 0, "subpool").permutation(len(ids))
        return [ids[place] for place in order if ids[place] not in self.rows and ids[place] not in self._broken]

    def _compute(self, ids: Sequence[str]) -> None:
        todo = [item for item in ids if item not in self._broken]
        for first in range(0, len(todo), BATCH):
            chunk = todo[first : first + BATCH]
            loaded, bad = load_batch(self._pool, chunk)
            self._broken |= bad
            good = [item for item in chunk if item not in bad]
            if good:
                self.rows.append(good, self._opened()(_contents(loaded, self._encoder.texts)))

    def _opened(self) -> Encode:
        if self._encode is None:
            source = self._norm_of._pool if self._norm_of is not None else self._pool
            sample: Sequence[Any] = []
            if self._encoder.fit_on:
                sample = _contents(load_batch(source, self._sample(source))[0], self._encoder.texts)
            self._encode = self._encoder.open(sample)
        return self._encode

    def _standardise(self) -> Standardiser:
        if self._norm_of is not None:
            return self._norm_of._standardise()
        if self._norm is None:
            ids = self._pool.ids()
            picks = stream(0, 0, "subpool").permutation(len(ids))[:NORM_SAMPLE]
            sample, _ = self.readable([ids[place] for place in np.sort(picks)])
            self._norm = Standardiser.fit(as_planes(self.rows.take(sample or self.rows.ids[:NORM_SAMPLE])))
        return self._norm

    def _sample(self, source: Pool) -> list[str]:
        """What the encoder is fitted on. It is refitted in every process; its sample is stored, so that rows of a pool that grew stay comparable."""
        home = self._folder if self._norm_of is None else self._norm_of._folder
        kept = home / "sample.json"
        if not kept.is_file():
            ids = source.ids()[: 10 * self._encoder.fit_on] if len(source) > 10 * self._encoder.fit_on else source.ids()
            picks = stream(0, 0, "subpool").permutation(len(ids))[: self._encoder.fit_on]
            part = home / "sample.part"
            part.write_text(json.dumps([ids[place] for place in np.sort(picks)]), encoding="utf-8")
            part.replace(kept)
        chosen: list[str] = json.loads(kept.read_text(encoding="utf-8"))
        return chosen


def _contents(loaded: Any, texts: bool) -> Sequence[Any]:
    """The modality that the encoder takes: items may be mappings of named modalities."""
    wanted = "text" if texts else "image"
    items = [item.get(wanted, next(iter(item.values()))) if isinstance(item, dict) else item for item in loaded]
    odd = next((item for item in items if isinstance(item, str) != texts), None)
    if odd is not None:
        raise PoolError("the encoder does not fit these items", got=type(odd).__name__, wanted="texts" if texts else "images", hint="Choose another --encoder.")
    return items
