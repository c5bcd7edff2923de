"""Points as selectors see them: squared distances in float64, in blocks; coordinates may stay factorised."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np

from querist.kernels.budget import current


@runtime_checkable
class Factored(Protocol):
    """Points whose squared distances can be had in blocks, in float64, without their coordinates being formed."""

    def __len__(self) -> int: ...

    def norms(self) -> np.ndarray:
        """(n,) squared norms."""

    def to_mean(self) -> np.ndarray:
        """(n,) squared distances to the mean of all points."""

    def take(self, part: Any) -> Any:
        """Some points (a slice or row numbers), ready for `between`."""

    def between(self, left: Any, right: Any) -> np.ndarray:
        """(l, r) squared distances of points taken, ≥ 0."""

    def width(self) -> int:
        """Bytes that `take` needs per point."""

    def distances_to(self, row: int) -> np.ndarray:
        """(n,) squared distances of all points to one of them."""


def cuts(points: Factored) -> list[slice]:
    """All points in chunks that the budget allows, each counted as read."""
    budget, n = current(), len(points)
    budget.read(n, n)
    size = budget.rows(2 * points.width(), most=2048)
    return [slice(at, min(at + size, n)) for at in range(0, n, size)]


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty(0)


class Vectors:
    """Rows (n, d) of float16, float32 or float64, in memory or a memmap.

    `norms` are taken about the mean: the origin of a feature space means nothing.
    """

    def __init__(self, x: np.ndarray) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def mean(self) -> np.ndarray:
        """(d,) in float64."""
        sums = [self.x[cut].sum(axis=0, dtype=np.float64) for cut in cuts(self)]
        return np.asarray(np.sum(sums, axis=0) / max(len(self), 1))

    def norms(self) -> np.ndarray:
        """Squared distances to the mean."""
        return self.to_mean()

    def to_mean(self) -> np.ndarray:
        """(n,)."""
        mean = self.mean
        gaps = (np.asarray(self.x[cut], dtype=np.float64) - mean for cut in cuts(self))
        return _joined([np.einsum("nd,nd->n", gap, gap) for gap in gaps])

    def take(self, part: Any) -> Any:
        """Rows about the mean, and their squared norms."""
        rows = np.asarray(self.x[part], dtype=np.float64) - self.mean
        return rows, np.einsum("nd,nd->n", rows, rows)

    def between(self, left: Any, right: Any) -> np.ndarray:
        """(l, r)."""
        return np.asarray(np.maximum(left[1][:, None] + right[1] - 2.0 * (left[0] @ right[0].T), 0.0))

    def width(self) -> int:
        """Bytes per row."""
        return 16 * int(max(self.x.shape[1], 1))

    def distances_to(self, row: int) -> np.ndarray:
        """(n,), by differences."""
        gaps = (np.asarray(self.x[cut], dtype=np.float64) - np.asarray(self.x[row], dtype=np.float64) for cut in cuts(self))
        return _joined([np.einsum("nd,nd->n", gap, gap) for gap in gaps])


class Outer:
    """Outer products g_i = a_i ⊗ h_i of a (n, c) and h (n, d), never formed: ⟨g_i, g_j⟩ = ⟨a_i, a_j⟩⟨h_i, h_j⟩."""

    def __init__(self, a: np.ndarray, h: np.ndarray) -> None:
        self.a, self.h = a, h

    def __len__(self) -> int:
        return len(self.a)

    @cached_property
    def _squares(self) -> np.ndarray:
        return _joined([self.take(cut)[2] for cut in cuts(self)])

    def norms(self) -> np.ndarray:
        """(n,) ‖a_i‖²‖h_i‖²."""
        return self._squares

    def to_mean(self) -> np.ndarray:
        """(n,): the mean M is one (c, d) matrix, and ⟨g_i, M⟩ = aᵢᵀ M hᵢ."""
        taken = (self.take(cut) for cut in cuts(self))
        mean = sum((a.T @ h for a, h, _ in taken), np.zeros((self.a.shape[1], self.h.shape[1]))) / max(len(self), 1)
        again = (self.take(cut) for cut in cuts(self))
        parts = [square - 2.0 * np.einsum("nd,nd->n", a @ mean, h) for a, h, square in again]
        return np.asarray(np.maximum(_joined(parts) + float((mean**2).sum()), 0.0))

    def take(self, part: Any) -> Any:
        """Both factors and the squared norms."""
        a, h = np.asarray(self.a[part], dtype=np.float64), np.asarray(self.h[part], dtype=np.float64)
        return a, h, np.einsum("nc,nc->n", a, a) * np.einsum("nd,nd->n", h, h)

    def between(self, left: Any, right: Any) -> np.ndarray:
        """(l, r)."""
        dot = left[1] @ right[1].T
        dot *= left[0] @ right[0].T
        return np.asarray(np.maximum(left[2][:, None] + right[2] - 2.0 * dot, 0.0))

    def width(self) -> int:
        """Bytes per row."""
        return 8 * int(self.a.shape[1] + self.h.shape[1])

    def distances_to(self, row: int) -> np.ndarray:
        """(n,)."""
        one = self.take(slice(row, row + 1))
        return _joined([self.between(self.take(cut), one)[:, 0] for cut in cuts(self)])
