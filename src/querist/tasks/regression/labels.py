"""One or several numbers per item, each with a range that is expected of it. Any of them may be missing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from querist.core.errors import LabelError, UsageError
from querist.tasks.classes import Classed, fresh, read
from querist.tasks.values import finite


@dataclass(frozen=True)
class NumberLabels(Classed):
    """The label space of regression. Its classes are the targets; see `Classed`.

    Attributes:
        low: Lower ends of the expected ranges, one for every target that ever was; a value may lie outside.
        high: Upper ends.
        form: `numbers`, or `points`: the targets are coordinates, `x` and `y` of every key point in turn.
        noise: Whether a model shall also say how far the answers scatter.
    """

    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    form: str = "numbers"
    noise: bool = False

    kind: ClassVar[str] = "regression"
    units: ClassVar[tuple[str, ...]] = ("items", "numbers")

    @property
    def widget(self) -> str:
        """Name of the labelling widget."""
        return "points" if self.form == "points" else "numbers"

    def extras(self) -> Mapping[str, Any]:
        return {"low": list(self.low), "high": list(self.high), "form": self.form, "noise": self.noise}

    @property
    def ranges(self) -> Mapping[str, tuple[float, float]]:
        """Target → its expected range."""
        return {label.name: (low, high) for label, low, high in zip(self.classes, self.low, self.high, strict=True) if not label.retired}

    def validate(self, item: str, value: Any) -> Any:
        """A number where there is one target, else target → number without the missing ones.

        Raises:
            LabelError: for anything that is no finite number, an unknown target, or no number at all.
        """
        said = value if isinstance(value, Mapping) else {self.names[0]: value} if len(self.names) == 1 else None
        if said is None or not all(name in self.ids and (number is None or finite(number)) for name, number in said.items()):
            gone = None if said is None else next((self.hint(name) for name in said if name not in self.ids), None)
            raise LabelError(item, value, self._wanted(), gone)
        found = {name: float(said[name]) for name in self.names if said.get(name) is not None}
        if not found:
            raise LabelError(item, value, self._wanted())
        return found if len(self.names) > 1 else found[self.names[0]]

    def encode(self, value: Any) -> str:
        """Target id → number, as JSON; floats keep every bit."""
        said = value if isinstance(value, Mapping) else {self.names[0]: value}
        return json.dumps({self.ids[name]: number for name, number in said.items()})

    def decode(self, text: str, version: int | None = None) -> Any:
        """The numbers of the present targets; None if there is none."""
        stored = json.loads(text)
        found = {name: stored[label] for label, name in self.present.items() if label in stored}
        return None if not found else found if len(self.names) > 1 else found[self.names[0]]

    def effort(self, value: Any) -> Mapping[str, float]:
        """What saying it takes: one item, so many numbers."""
        return {"items": 1, "numbers": len(value) if isinstance(value, Mapping) else 1}

    def add(self, names: Sequence[str], low: float | Sequence[float] | None = None, high: float | Sequence[float] | None = None) -> Self:
        """The next version with more targets, each with a range.

        Raises:
            UsageError: if a name is empty or taken, or a range is missing.
        """
        if low is None or high is None:
            raise UsageError("a target needs its range", got=", ".join(names), wanted="low and high")
        added, ends = super().add(names), _ranges(len(names), low, high)
        return replace(added, low=(*self.low, *ends[0]), high=(*self.high, *ends[1]))

    def retire(self, name: str) -> Self:
        """The next version without a target.

        Raises:
            UsageError: if there is no such target, no other one is left, or it is a coordinate of a point.
        """
        if self.form == "points":
            raise UsageError("a coordinate of a point cannot be retired alone", got=name, wanted="a new project with fewer points")
        return super().retire(name)

    def _wanted(self) -> str:
        return "a finite number" if len(self.names) == 1 else "finite numbers for some of " + ", ".join(self.names)


def new(
    classes: Sequence[str], *, low: float | Sequence[float] = -1.0, high: float | Sequence[float] = 1.0, form: str = "numbers", noise: bool = False
) -> NumberLabels:  # fmt: skip
    """Version 1.

    Args:
        classes: Names of the targets.
        low: Lower ends of the ranges expected, or one for all.
        high: Upper ends.
        form: `numbers` or `points`; see `NumberLabels`.
        noise: See there.

    Raises:
        UsageError: for bad names, a range that is none, or points without two coordinates each.
    """
    targets = fresh(NumberLabels.kind, classes)
    if form not in ("numbers", "points") or (form == "points" and len(targets) % 2):
        raise UsageError("unknown form of numbers", got=f"{form} of {len(targets)}", wanted="numbers, or points with x and y each")
    return NumberLabels(targets, 1, *_ranges(len(targets), low, high), form, noise)


def from_schema(schema: Mapping[str, Any]) -> NumberLabels:
    """The inverse of `NumberLabels.schema`."""
    classes, version = read(schema)
    try:
        return NumberLabels(classes, version, *_ranges(len(classes), schema["low"], schema["high"]), str(schema["form"]), bool(schema["noise"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"not a regression schema: {error!r}", wanted="low, high, form, noise") from error


def _ranges(count: int, low: float | Sequence[float], high: float | Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    ends = [tuple(map(float, [side] * count if isinstance(side, int | float) else side)) for side in (low, high)]
    if any(len(side) != count for side in ends) or not all(least < most and math.isfinite(most - least) for least, most in zip(*ends, strict=False)):
        raise UsageError("each number needs a range", got=f"{ends[0]} to {ends[1]}", wanted="a finite low < high for each")
    return ends[0], ends[1]
