"""A few numbers per row that say of most rows, for sure, that they are not closer to a new centre than to their own.

With an orthonormal basis W of the directions in which a sample varies most, a row about the shift is y = Wᵀa and a rest of norm
ρ = √(‖a‖² - ‖y‖²), and by Cauchy-Schwarz ⟨a, b⟩ ≤ ⟨y_a, y_b⟩ + ρ_a·ρ_b: one product of r + 1 numbers bounds the distance from below.
Rounding: y and ρ come from float64 and are stored in float32 (u = 2⁻²⁴ relative), ρ² is raised by 1e-10·‖a‖² against its own
rounding, and the float32 product of r + 1 terms errs by at most γ_{r+1}‖a‖‖b‖. All this is less than e(‖a‖² + ‖b‖²)/2 for the e of
`rows.py` as r + 1 < d, which is allowed for twice.

Reference:
    Partial distances with residual norms are common in nearest-neighbour search; here they are exact bounds, not estimates.
"""

from __future__ import annotations

import numpy as np

from querist.kernels.rows import TINY, Rows

SHARE = 16
"""One number is kept per so many columns: about 6 % of a float32 input."""


class Screen:
    """The numbers (n, r + 1) of a pool in scaled units."""

    def __init__(self, pool: Rows) -> None:
        self.pool = pool
        r = max(1, pool.d // SHARE)
        rows = pool.budget.rows(32 * pool.d, most=2 * pool.d)
        sample = pool.shifted(pool.wide(slice(None, None, -(-pool.n // rows))))
        self.basis = np.linalg.eigh(sample.T @ sample)[1][:, -r:]
        self.numbers = np.empty((pool.n, r + 1), dtype=np.float32)
        for part in pool.slices():
            self.numbers[part] = self._of(pool.shifted(pool.wide(part)))

    def _of(self, a: np.ndarray) -> np.ndarray:
        y = a @ self.basis
        norms = np.einsum("nd,nd->n", a, a)
        rest = np.sqrt(np.maximum(norms - np.einsum("nr,nr->n", y, y), 0.0) + 1e-10 * norms)
        return np.concatenate([y, rest[:, None]], axis=1)

    def centre(self, centre: np.ndarray) -> tuple[np.ndarray, float]:
        """The numbers of a centre (1, d) in float64, and what the test adds: (1 - 2e)‖b‖², less what underflow may take."""
        b = self.pool.shifted(centre)
        return self._of(b)[0].astype(np.float32), (1 - 2 * self.pool.e) * float((b**2).sum()) - 4 * TINY

    def passes(self, part: slice, numbers: np.ndarray, rest: float, reach: np.ndarray) -> np.ndarray:
        """Positions in a chunk of rows that may be closer to the centre; `reach` is (1 - 2e)‖a‖² - distance to the own centre."""
        return np.flatnonzero(2.0 * (self.numbers[part] @ numbers).astype(np.float64) > reach[part] + rest)
