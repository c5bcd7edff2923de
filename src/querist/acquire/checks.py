"""What comes in from a learner is checked once, with the item named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from querist.core.errors import StatisticError

BLOCK = 1 << 16
"""Elements looked at a time: a mask over a whole pool would be a quarter of it."""


def finite(values: np.ndarray, ids: Sequence[str], name: str) -> np.ndarray:
    """The values (n, …), checked.

    Raises:
        StatisticError: naming the first item with a value that is not finite.
    """
    step = max(1, BLOCK // max(1, int(np.prod(values.shape[1:]))))
    if all(np.isfinite(values[start : start + step]).all() for start in range(0, len(values), step)):
        return values
    bad = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
    raise StatisticError(f"{name} of {len(bad)} items are not finite, the first is {ids[bad[0]]!r}", got="NaN or infinity", wanted="finite numbers")
