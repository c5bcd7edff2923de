"""What every view does with a statistic: an array with one row per item, or a pair of such arrays."""

from __future__ import annotations

from typing import Any

import numpy as np


def rows_of(value: Any, places: np.ndarray) -> Any:
    """The rows at these places, of the array or of both arrays of a pair; plain arrays, also of a memmap."""
    return tuple(np.asarray(part[places]) for part in value) if isinstance(value, tuple) else np.asarray(value[places])
