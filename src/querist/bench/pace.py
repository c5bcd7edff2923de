"""Time left, from how fast the work goes; what was known from before and comes in no time is not counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

AT_ONCE = 0.01
"""Seconds: steps that follow each other faster were not worked for."""


@dataclass
class Pace:
    """How a work goes on.

    Attributes:
        clock: Monotonic seconds.
    """

    clock: Callable[[], float] = time.monotonic
    _last: float = field(init=False)
    _begun: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.clock()
        self._begun = (self._last, 0.0)

    def left(self, fraction: float) -> float | None:
        """Seconds left once this fraction is done; None while nobody can tell.

        Args:
            fraction: Of the whole work, rising from call to call.
        """
        now, before = self.clock(), self._last
        self._last = now
        if now - before < AT_ONCE:
            self._begun = (now, fraction)
        begun, first = self._begun
        return (now - begun) * (1 - fraction) / (fraction - first) if fraction > first else None
