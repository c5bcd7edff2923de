"""What labels cost: so much for an item, and so much for each thing that has to be said about it. Seconds and money are linear in these counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import UsageError

ITEMS: Final = "items"


@dataclass(frozen=True)
class LinearCost:
    """Seconds of an annotation as a linear function of its effort.

    Attributes:
        fixed: Seconds for the item itself.
        units: What else takes time, as `LabelSpace.effort` names it.
        each: Seconds for one of each unit.
        hourly: Money for an hour.
    """

    fixed: float = 1.0
    units: tuple[str, ...] = ()
    each: tuple[float, ...] = ()
    hourly: float = 0.0

    def seconds(self, effort: Mapping[str, float], factor: float = 1.0) -> float:
        """Seconds for one annotation; a unit that the effort does not name costs nothing.

        Args:
            effort: Unit → count.
            factor: What all seconds are multiplied by, to see how much an assumption matters.
        """
        each = sum(seconds * effort.get(unit, 0.0) for unit, seconds in zip(self.units, self.each, strict=True))
        return float(factor * (self.fixed * effort.get(ITEMS, 1.0) + each))

    def money(self, effort: Mapping[str, float], factor: float = 1.0) -> float:
        """What those seconds are paid with."""
        return self.seconds(effort, factor) * self.hourly / 3600.0


ASSUMED: Final[Mapping[str, LinearCost]] = {
    "classification": LinearCost(2.0),
    "multi_output": LinearCost(1.0, ("slots",), (1.0,)),
    "regression": LinearCost(1.0, ("numbers",), (2.0,)),
    "tagging": LinearCost(2.0, ("tokens", "spans"), (0.3, 2.0)),
    "dense": LinearCost(5.0, ("clicks",), (1.0,)),
    "detection": LinearCost(5.0, ("boxes",), (7.0,)),
    "instance": LinearCost(5.0, ("instances",), (25.0,)),
    "pair": LinearCost(3.0),
    "link": LinearCost(3.0, ("tails",), (2.0,)),
    "sequence": LinearCost(2.0, ("characters",), (0.3,)),
}
"""Seconds per kind while nobody has measured any: assumptions, to be shown at half and at twice as much too."""


def learnt(efforts: Sequence[Mapping[str, float]], seconds: Sequence[float], units: Sequence[str], hourly: float = 0.0) -> LinearCost:
    """The linear model without negative costs that explains recorded seconds best, in least squares.

    Args:
        efforts: Of each annotation.
        seconds: What each took.
        units: The units that may cost something; one that never varies with the seconds gets 0.
        hourly: Money for an hour.

    Raises:
        UsageError: without records, or if a count or time is negative or no number.
    """
    counts = np.array([[effort.get(unit, 1.0 if unit == ITEMS else 0.0) for unit in (ITEMS, *units)] for effort in efforts], dtype=np.float64)
    taken = np.array(seconds, dtype=np.float64)
    if not len(taken) or len(taken) != len(counts) or not all(np.isfinite(part).all() and (part >= 0).all() for part in (counts, taken)):
        raise UsageError("costs are learnt from recorded seconds", got=f"{len(counts)} efforts, {len(taken)} times", wanted="as many of both, none negative")
    fixed, *each = non_negative(counts, taken).tolist()
    return LinearCost(fixed, tuple(units), tuple(each), hourly)


def non_negative(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """The x ≥ 0 (m,) that makes ‖a x − b‖² smallest, by active sets.

    Args:
        a: Counts (n, m).
        b: Times (n,).

    Reference:
        Lawson & Hanson 1974, Solving Least Squares Problems, chapter 23.
    """
    width = a.shape[1]
    x, free = np.zeros(width), np.zeros(width, dtype=bool)
    slack = 1e-10 * max(1.0, float(np.abs(a.T @ b).max(initial=0.0)))
    for _ in range(10 * width):
        gradient = np.where(free, -np.inf, a.T @ (b - a @ x))
        if not (gradient > slack).any():
            break
        free[int(gradient.argmax())] = True
        while True:
            best = np.zeros(width)
            best[free] = np.linalg.lstsq(a[:, free], b, rcond=None)[0]
            bad = free & (best <= 0)
            if not bad.any():
                break
            gap = x[bad] - best[bad]
            x += float(np.divide(x[bad], gap, out=np.zeros_like(gap), where=gap > 0).min()) * (best - x)
            free &= ~bad | (x > 1e-12 * x.max())
            x[~free] = 0.0
        x = best
    return x
