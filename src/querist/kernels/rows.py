"""Rows of a pool in two precisions: float32 chunks for passes over all of it, float64 differences for what decides.

A pool is read by chunks, shifted by a reference point (distances stay, cancellation goes) and never copied whole.

**The bound.** Let a = x - s and b = c - s for a row x, a centre c and the shift s; u = 2⁻²⁴, γ_m = m·u / (1 - m·u). In a pass

    computed(x, c) = (1 + 2e)·‖a‖² + fl(â·(-2b̂) + 1·fl((1 + 2e)·‖b‖²))

with â, b̂ the float32 numbers stored. Four errors separate it from the true ‖a - b‖² + 2e(‖a‖² + ‖b‖²):

1. storing: ‖â - a‖ ≤ u‖a‖, the same for b, hence |‖â - b̂‖² - ‖a - b‖²| ≤ (2u + u²)(‖a‖ + ‖b‖)²;
2. the last column: at most u(1 + 2e)‖b‖²;
3. the dot product of d + 1 terms, added in any order, fused or not: at most γ_{d+1}(2‖â‖‖b̂‖ + (1 + 2e)‖b‖²);
4. norms and the final sum in float64: below (d + 4)·2⁻⁵²(‖a‖ + ‖b‖)².

Their sum is at most e·(‖a‖ + ‖b‖)² ≤ 2e(‖a‖² + ‖b‖²) for e = 1.01·(d + 8)·u as long as (d + 8)·u ≤ 1/250. Therefore

    true ≤ computed ≤ true + 4e(‖a‖² + ‖b‖²).

Underflow adds less than 2⁻⁹⁰ when the largest norm is between 2⁻²⁰ and 2²⁰; where it is not, a power of two scales the rows. The same
argument with u = 2⁻⁵³ bounds the float64 dot products, and the rounding of differences, which is smaller, is inside the slack.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from querist.kernels.budget import Budget

TINY = 2.0**-90
"""What underflow may take from a float32 dot product, in scaled units."""

SAMPLE = 4096
"""Rows whose mean is the shift: any point near the data serves."""

CENTRES = 512
"""Centres multiplied at a time."""


def slack(d: int, unit: float) -> float:
    """The e of the bound: 1.01·(d + 8)·u."""
    return 1.01 * (d + 8) * unit


def differences(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """‖a_i - b_i‖² of float64 rows (b may be one row), by differences: the values that decide."""
    gap = a - b
    return np.asarray(np.einsum("nd,nd->n", gap, gap))


class Rows:
    """A pool (n, d), its shift, its scale and its squared norms about the shift.

    Args:
        x: float16, float32 or float64 rows; an array in memory or a memmap.
        given: Centres (m, d) from elsewhere: the scale has to suit them as well.
        budget: Bounds the chunks, counts the rows read.
    """

    def __init__(self, x: np.ndarray, given: np.ndarray, budget: Budget) -> None:
        self.x, self.budget = x, budget
        self.n, self.d = x.shape
        # A float32 vector, so that a float32 row minus it is rounded once.
        sample = x[:: max(1, self.n // SAMPLE)]
        self.shift = np.asarray(sample.mean(axis=0, dtype=np.float64) if self.n else np.zeros(self.d)).astype(np.float32).astype(np.float64)
        if not np.isfinite(self.shift).all():
            self.shift = np.zeros(self.d)
        self.chunk = budget.rows(8 * (self.d + 1) * 2, most=2048)
        norms = np.empty(self.n)
        for part in self.slices():
            norms[part] = self._norms(self.wide(part) - self.shift)
        self.norms = norms
        outer = (float(self._norms(self.wide_of(given[at : at + CENTRES]) - self.shift).max()) for at in range(0, len(given), CENTRES))
        largest = math.sqrt(max(float(norms.max(initial=0.0)), max(outer, default=0.0)))
        self.scale = 1.0
        if not 2.0**-20 <= largest <= 2.0**20 and 0.0 < largest < math.inf:
            self.scale = 2.0 ** -math.frexp(largest)[1]
            self.norms *= self.scale**2
        narrow = slack(self.d, 2.0**-24) <= 1 / 250
        self.dtype = np.float32 if narrow else np.float64
        self.e = slack(self.d, 2.0**-24 if narrow else 2.0**-53)
        self.e64 = slack(self.d, 2.0**-53)
        self.direct = narrow and self.scale == 1.0 and x.dtype in (np.float16, np.float32)

    def slices(self) -> Iterator[slice]:
        """The pool in chunks, each counted as read."""
        for start in range(0, self.n, self.chunk):
            part = slice(start, min(start + self.chunk, self.n))
            self.budget.read(part.stop - part.start, self.n)
            yield part

    @staticmethod
    def _norms(a: np.ndarray) -> np.ndarray:
        return np.asarray(np.einsum("nd,nd->n", a, a))

    def wide(self, part: slice | np.ndarray) -> np.ndarray:
        """Rows as they are, float64."""
        return self.wide_of(self.x[part])

    @staticmethod
    def wide_of(rows: np.ndarray) -> np.ndarray:
        """These rows in float64."""
        return np.asarray(rows, dtype=np.float64)

    def shifted(self, rows: np.ndarray) -> np.ndarray:
        """Float64 rows, shifted and scaled."""
        out = rows - self.shift
        if self.scale != 1.0:
            out *= self.scale
        return np.asarray(out)

    def left(self, part: slice | np.ndarray, out: np.ndarray) -> np.ndarray:
        """Rows for a pass: shifted, scaled, in the working precision, with a last column of ones. Written into `out` (rows, d + 1)."""
        rows = self.x[part]
        out = out[: len(rows)]
        if self.direct:
            np.subtract(rows, self.shift.astype(np.float32), out=out[:, : self.d], dtype=np.float32)
        else:
            out[:, : self.d] = self.shifted(np.asarray(rows, dtype=np.float64))
        out[:, self.d] = 1.0
        return out

    def right(self, centres: np.ndarray) -> tuple[np.ndarray, float]:
        """Centres (p, d) in float64 for a pass: (p, d + 1), and the largest squared norm about the shift."""
        b = self.shifted(centres)
        norms = self._norms(b)
        out = np.empty((len(b), self.d + 1), dtype=self.dtype)
        out[:, : self.d] = b
        out[:, : self.d] *= -2.0
        out[:, self.d] = (1 + 2 * self.e) * norms
        return out, float(norms.max(initial=0.0))

    def buffers(self, centres: int) -> tuple[np.ndarray, np.ndarray]:
        """Room for a chunk of rows and for its products with up to `CENTRES` centres, inside the budget."""
        size = np.dtype(self.dtype).itemsize
        width = min(centres, CENTRES)
        rows = self.budget.rows(size * (self.d + 1 + width) + 8 * self.d, most=2048)
        return np.empty((rows, self.d + 1), dtype=self.dtype), np.empty((width, rows), dtype=self.dtype)


class Centres:
    """Points given from outside, then rows picked from the pool, by position."""

    def __init__(self, given: np.ndarray, pool: Rows) -> None:
        self.given, self.pool = given, pool
        self.picks: list[int] = []

    def __len__(self) -> int:
        return len(self.given) + len(self.picks)

    def wide(self, first: int, last: int) -> np.ndarray:
        """Centres first … last - 1 in float64."""
        m = len(self.given)
        given = np.asarray(self.given[min(first, m) : min(last, m)], dtype=np.float64)
        picked = self.pool.wide(np.asarray(self.picks[max(first - m, 0) : max(last - m, 0)], dtype=np.int64))
        return np.concatenate([given, picked]) if len(given) and len(picked) else (picked if not len(given) else given)

    def blocks(self, first: int = 0) -> Iterator[tuple[int, np.ndarray]]:
        """(position of its first centre, float64 rows) from `first` on, `CENTRES` at a time."""
        for start in range(first, len(self), CENTRES):
            yield start, self.wide(start, min(start + CENTRES, len(self)))
