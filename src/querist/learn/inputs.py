"""From pool items to batches of tensors. Every learner reads its inputs here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from querist.core.contracts import Pool, Report
from querist.core.errors import PoolError
from querist.core.rng import stream
from querist.data.batch import load_batch

NORM_SAMPLE = 2000
"""Items that the normalisation is computed from, drawn from the pool's inputs (never from test items)."""

NORM_BYTES = 1 << 25
"""Most that these take: large images and volumes are fewer."""


class Inputs(Protocol):
    """Where tensors come from. `shape` is one item's shape as the network sees it."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def batch(self, ids: Sequence[str]) -> Tensor:
        """float32 tensor (n, *shape), rows in the order of ids; raises PoolError for an unreadable item."""

    def readable(self, ids: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """The ids that can be read, and the reason for each that cannot."""

    def ready(self, ids: Sequence[str]) -> list[str]:
        """The ids whose tensors are at hand without long computation."""

    def prepare(self, want: Sequence[str], report: Report) -> dict[str, str]:
        """Make more of these ready, within a time of a round's proportions; the reason for each that turned out unreadable."""

    def advance(self, seconds: float) -> bool:
        """Make more of the pool ready in the background; True while there is more to do."""

    def beside(self, pool: Pool, name: str = "test") -> Inputs:
        """The items of another pool (a test set) read in exactly the same way; what is computed for them is kept under this name."""


@dataclass(frozen=True)
class Standardiser:
    """Per-channel (images) or per-column (features) standardisation, fitted on pool inputs."""

    mean: NDArray[np.float32] | np.float32
    scale: NDArray[np.float32] | np.float32

    @classmethod
    def fit(cls, x: NDArray[np.float32]) -> Standardiser:
        """Images (n, ch, h, w) and volumes (n, ch, d, h, w): one mean and scale per channel; vectors (n, d): per column."""
        axes = (0, *range(2, x.ndim)) if x.ndim > 3 else (0,)
        mean = x.mean(axis=axes, keepdims=True, dtype=np.float64)
        scale = x.std(axis=axes, keepdims=True, dtype=np.float64)
        return cls(mean.astype(np.float32), np.where(scale > 1e-6, scale, 1.0).astype(np.float32))

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        out = x - self.mean
        out /= self.scale
        return np.asarray(out, dtype=np.float32)


class ArrayInputs:
    """Array items (vectors, grey or colour images) of a pool, standardised with a fixed sample of the pool's own inputs.

    Args:
        pool: Items are arrays of one shape: (d,), (h, w) or (h, w, ch).
        raw: Numbers are taken as they are: they are indices, or on a scale of their own.
    """

    def __init__(self, pool: Pool, raw: bool = False) -> None:
        self._pool = pool
        self._raw = raw
        self._standardise: Standardiser | None = None
        self._shape: tuple[int, ...] | None = None

    def beside(self, pool: Pool, name: str = "test") -> ArrayInputs:
        """See `Inputs.beside`: standardised with this pool's numbers, never with the test set's."""
        self._fit()
        other = ArrayInputs(pool, self._raw)
        other._standardise, other._shape = self._standardise, self._shape
        return other

    @property
    def shape(self) -> tuple[int, ...]:
        """(d,) or (ch, h, w)."""
        self._fit()
        if self._shape is None:  # pragma: no cover - _fit sets it or raises
            raise PoolError("the pool has no readable item")
        return self._shape

    def batch(self, ids: Sequence[str]) -> Tensor:
        """See `Inputs.batch`."""
        self._fit()
        rows, bad = self._load(ids)
        if bad:
            item, reason = next(iter(bad.items()))
            raise PoolError(f"item {item!r} cannot be read: {reason}")
        if self._standardise is None or self._shape is None:  # pragma: no cover
            raise PoolError("the pool has no readable item")
        if rows.shape[1:] != self._shape:
            raise PoolError("these items have another shape than the pool's", got=tuple(rows.shape[1:]), wanted=self._shape)
        return torch.from_numpy(self._standardise(rows))

    def readable(self, ids: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """See `Inputs.readable`."""
        bad: dict[str, str] = {}
        for start in range(0, len(ids), 256):
            bad |= load_batch(self._pool, ids[start : start + 256])[1]
        return [item for item in ids if item not in bad], bad

    def ready(self, ids: Sequence[str]) -> list[str]:
        """See `Inputs.ready`: all."""
        return list(ids)

    def prepare(self, want: Sequence[str], report: Report) -> dict[str, str]:
        """See `Inputs.prepare`: nothing to do."""
        return {}

    def advance(self, seconds: float) -> bool:
        """See `Inputs.advance`: nothing to do."""
        return False

    def _load(self, ids: Sequence[str]) -> tuple[NDArray[np.float32], dict[str, str]]:
        loaded, bad = load_batch(self._pool, ids)
        if not len(loaded):
            return np.empty((0,), dtype=np.float32), bad
        if isinstance(loaded, np.ndarray):
            return as_planes(loaded), bad
        good = [np.asarray(row) for row in loaded]
        shapes = {row.shape for row in good}
        if len(shapes) > 1:
            raise PoolError("items differ in shape", got=sorted(shapes)[:3], wanted="one shape", hint="Give the learner `side=32`, or an encoder.")
        return as_planes(np.stack(good)), bad

    def _fit(self) -> None:
        if self._standardise is not None:
            return
        ids = self._pool.ids()
        first, _ = self._load(ids[:1])
        sample = min(NORM_SAMPLE, max(1, NORM_BYTES // max(first.nbytes, 1)))
        if len(ids) > sample:
            # One fixed draw, the same for every seed and method: normalisation belongs to the data, not to a run.
            picks = stream(0, 0, "subpool").choice(len(ids), sample, replace=False)
            ids = [ids[i] for i in sorted(picks.tolist())]
        rows, _ = self._load(ids)
        if not len(rows):
            raise PoolError("the pool has no readable item")
        self._standardise = Standardiser(np.float32(0), np.float32(1)) if self._raw else Standardiser.fit(rows)
        self._shape = tuple(rows.shape[1:])


def as_planes(x: NDArray[np.generic]) -> NDArray[np.float32]:
    """(n, d) unchanged, (n, h, w) → (n, 1, h, w), (n, h, w, ch) → (n, ch, h, w), volumes (n, ch, d, h, w) unchanged; float32."""
    out = np.asarray(x, dtype=np.float32)
    if out.ndim == 3:
        return out[:, None]
    if out.ndim == 4:
        return np.ascontiguousarray(out.transpose(0, 3, 1, 2))
    return out if out.ndim == 5 else out.reshape(len(out), -1)
