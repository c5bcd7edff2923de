"""How near predicted numbers and points are. Free of torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from querist.kernels.latent import concordance

NEAR = 0.05
"""A point counts as found within this share of the expected range of its coordinates."""

Numbers = NDArray[np.float64]


def measured(values: Numbers, targets: Numbers, ranges: Numbers, noise: Numbers | None = None, *, points: bool = False) -> dict[str, float]:
    """Measures over all numbers that are there; empty without any.

    `r2` and `ccc` (concordance) are means over the targets that vary; `rmse` and `mae` are in the targets' units; `nll` is Gaussian, in nats,
    where a variance is predicted; `pck` is the share of points that are found, see `NEAR`.

    Args:
        values: Predictions (n, d).
        targets: (n, d), NaN where missing.
        ranges: Width (d,) of the expected range of each number.
        noise: Predicted variance (n, d), or None.
        points: The numbers are x and y of points in turn; a point without both is not there.
    """
    there = ~np.isnan(targets)
    if not there.any():
        return {}
    errors = (values - targets)[there]
    columns = [(values[rows, place], targets[rows, place]) for place, rows in enumerate(there.T) if rows.any() and np.ptp(targets[rows, place]) > 0]
    found = {"rmse": float(np.sqrt(np.square(errors).mean())), "mae": float(np.abs(errors).mean())}
    if columns:
        found["r2"] = float(np.mean([1.0 - np.square(said - told).sum() / np.square(told - told.mean()).sum() for said, told in columns]))
        found["ccc"] = float(np.mean([concordance(said, told) for said, told in columns]))
    if noise is not None:
        spread = noise[there]
        found["nll"] = float(0.5 * (np.log(2.0 * np.pi * spread) + np.square(errors) / spread).mean())
    if points and there[:, ::2].any():
        away = np.hypot(*(((values - targets) / ranges)[:, axis::2] for axis in (0, 1)))
        seen = ~np.isnan(away)
        found["pck"] = float((away[seen] <= NEAR).mean()) if seen.any() else 0.0
    return found
