"""A PoolView over arrays that stay where they are: slices where rows are in order, otherwise gathered in blocks, on disk if they are large."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import CapabilityError

Rows = slice | NDArray[np.int64]

MAPPED = 1 << 28
"""Bytes above which rows gathered from a memory-mapped array go to a temporary file instead of memory."""

STEP = 1 << 22
"""Bytes gathered at a time."""


class Positions(Sequence[str]):
    """Row numbers as ids: each text is made when it is asked for, so a million rows need no million texts.

    Args:
        rows: The row of each place.
        prefix: Stands before every number.
    """

    def __init__(self, rows: range | NDArray[np.int64], prefix: str = "") -> None:
        self.rows, self._prefix = rows, prefix

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Positions: ...
    def __getitem__(self, place: int | slice) -> str | Positions:
        if isinstance(place, slice):
            return Positions(self.rows[place], self._prefix)
        return f"{self._prefix}{self.rows[place]}"


class ArrayView:
    """What an acquisition sees of arrays.

    Args:
        ids: Group (`candidates`, `labelled`, `pending`) → its ids in canonical order.
        rows: Group → its rows, in that order.
        stats: Statistic → array or pair, one row per item.
        covered: Features of labelled items that are no rows, (m, d); they stand for the group `labelled`.
        labels: Class position of each labelled item, empty if unknown.
        number: Number of the round.
        limit: Bytes that a gathered statistic may take in memory.
    """

    def __init__(
        self, ids: Mapping[str, Sequence[str]], rows: Mapping[str, Rows], stats: Mapping[str, Any], covered: NDArray[Any] | None,
        labels: Sequence[int], number: int, limit: int | None,
    ) -> None:  # fmt: skip
        self.candidates, self.labelled, self.pending = ids["candidates"], ids["labelled"], ids["pending"]
        self.labels, self.round = labels, number
        self.classes = int(stats["probs"].shape[2]) if "probs" in stats else max(labels, default=-1) + 1
        self.memory: Mapping[str, Any] | None = None
        self._rows, self._stats, self._covered, self._limit = rows, stats, covered, limit
        self._made: dict[tuple[str, str], Any] = {}

    def stat(self, name: str, of: str = "candidates") -> Any:
        """See `PoolView.stat`."""
        if (name, of) not in self._made:
            self._made[name, of] = self._make(name, of)
        return self._made[name, of]

    def _make(self, name: str, of: str) -> Any:
        if of == "labelled" and self._covered is not None:
            if name != "features":
                raise CapabilityError(
                    f"no {name!r} of labelled items", got="their features alone", wanted=name, hint="Give labelled items as rows: a mask or ids."
                )
            return taken(self._covered, slice(None), self._limit)
        if name in self._stats:
            value = self._stats[name]
            return tuple(taken(part, self._rows[of], self._limit) for part in value) if isinstance(value, tuple) else self._taken(name, of)
        if name == "gradients" and {"probs", "features"} <= set(self._stats):
            return self._residuals(of), self.stat("features", of)
        raise CapabilityError(f"no {name!r} was given", got=", ".join(self._stats) or "nothing", wanted=name, hint=f"Pass {name}=….")

    def _taken(self, name: str, of: str) -> NDArray[Any]:
        # Scores accumulate in float64 whatever they read; a product of features in half precision would overflow.
        return taken(self._stats[name], self._rows[of], self._limit, half=self._stats[name].ndim == 3)

    def _residuals(self, of: str) -> NDArray[Any]:
        from querist.kernels.gradients import residual
        from querist.kernels.information import predictive

        probs = self.stat("probs", of)
        out = empty((len(probs), probs.shape[2]), np.dtype(np.float32), self._limit)
        step = max(1, STEP // max(1, 8 * probs.shape[1] * probs.shape[2]))
        for start in range(0, len(probs), step):
            out[start : start + step] = residual(predictive(probs[start : start + step]))
        return out


def taken(values: NDArray[Any], rows: Rows, limit: int | None, *, half: bool = False) -> NDArray[Any]:
    """These rows as float32 or float64; the array itself where that is possible.

    Args:
        values: One row per item.
        rows: Which.
        limit: Bytes above which a copy goes to a temporary file; by default none for memory, `MAPPED` for a memory-mapped array.
        half: Leave float16 as it is.
    """
    keep = values.dtype in (np.float32, np.float64) or (half and values.dtype == np.float16)
    if isinstance(rows, slice) and keep:
        return np.asarray(values[rows])
    n = len(range(len(values))[rows]) if isinstance(rows, slice) else len(rows)
    limit = MAPPED if limit is None and isinstance(values, np.memmap) else limit
    out = empty((n, *values.shape[1:]), values.dtype if keep else np.dtype(np.float32), limit)
    step = max(1, STEP // max(1, values.dtype.itemsize * int(np.prod(values.shape[1:]))))
    places = np.arange(n) + (rows.start or 0) if isinstance(rows, slice) else rows
    for start in range(0, n, step):
        out[start : start + step] = values[places[start : start + step]]
    return out


def empty(shape: tuple[int, ...], dtype: np.dtype[Any], limit: int | None) -> NDArray[Any]:
    """An array to fill: in memory, or above `limit` bytes in a temporary file that goes when it is no longer used."""
    size = int(np.prod(shape)) * dtype.itemsize
    if limit is None or size <= limit or 0 in shape:
        return np.empty(shape, dtype=dtype)
    with tempfile.TemporaryFile(prefix="querist-") as file:
        if hasattr(os, "posix_fallocate"):  # a full disk is an error now, and not a crash when a page is first written
            os.posix_fallocate(file.fileno(), 0, size)
        return np.asarray(np.memmap(file, dtype=dtype, mode="w+", shape=shape))
