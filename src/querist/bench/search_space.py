"""The settings of a learner that may be tuned, each over a range of its own, around what the recipe says."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from querist.core.errors import UsageError

if TYPE_CHECKING:
    from querist.learn.learner import Learner

Params = dict[str, float]

_FACTORS: Final[Mapping[str, tuple[float, float]]] = {"rate": (0.2, 5.0), "weight_decay": (0.1, 10.0)}
_ZERO: Final[Mapping[str, tuple[float, float]]] = {"rate": (1e-4, 1e-1), "weight_decay": (1e-3, 1e-1)}
"""Where the recipe says 0, a factor leads nowhere."""
_CHOICES: Final[Mapping[str, tuple[float, ...]]] = {
    "smoothing": (0.0, 0.05, 0.1, 0.2),
    "dropout": (0.0, 0.1, 0.3, 0.5),
    "average": (0.0, 0.25, 0.5),
    "steps": (0.5, 1.0, 2.0),
}
TUNABLE: Final = ("rate", "weight_decay", "smoothing", "dropout", "steps", "average")
"""Names, as far as a recipe has such a field. `steps` multiplies the whole step rule, which stays a function of the number of labels alone."""
DEFAULT: Final = ("rate", "weight_decay", "smoothing", "dropout", "steps")


@dataclass(frozen=True)
class Dimension:
    """One setting.

    Attributes:
        name: One of `TUNABLE`.
        own: What the recipe says; 1 for `steps`.
        choices: Values to choose from, or empty.
        low: Lower end, where there are no choices; values are spread evenly in the logarithm.
        high: Upper end.
    """

    name: str
    own: float
    choices: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0

    def draw(self, rng: np.random.Generator) -> float:
        """A random value."""
        if self.choices:
            return self.choices[int(rng.integers(len(self.choices)))]
        return _rounded(math.exp(rng.uniform(math.log(self.low), math.log(self.high))))

    def grid(self) -> tuple[float, ...]:
        """The choices, or both ends and their geometric middle."""
        return self.choices or tuple(_rounded(value) for value in (self.low, math.sqrt(self.low * self.high), self.high))


def space(learner: Learner, over: Sequence[str] = ()) -> tuple[Dimension, ...]:
    """The dimensions to search.

    Args:
        learner: The recipe's.
        over: `NAME`, `NAME=LOW..HIGH` or `NAME=A,B,C`; by default all of `DEFAULT` that the recipe has.

    Raises:
        UsageError: for a setting that the recipe does not have, or a range that is none.
    """
    has = [name for name in TUNABLE if _path(learner, name) is not None]
    if not over:
        return tuple(_usual(learner, name) for name in DEFAULT if name in has)
    found = []
    for text in over:
        name, _, given = text.partition("=")
        if name not in has:
            raise UsageError("this recipe has no such setting to tune", got=name, wanted=", ".join(has))
        found.append(_meant(_usual(learner, name), given) if given else _usual(learner, name))
    if len({dimension.name for dimension in found}) < len(found):
        raise UsageError("a setting comes twice", got=", ".join(over))
    return tuple(found)


def own(dimensions: Sequence[Dimension]) -> Params:
    """The recipe's own settings."""
    return {dimension.name: dimension.own for dimension in dimensions}


def grid(dimensions: Sequence[Dimension]) -> Iterator[Params]:
    """All combinations of the grids."""
    names = [dimension.name for dimension in dimensions]
    for values in itertools.product(*(dimension.grid() for dimension in dimensions)):
        yield dict(zip(names, values, strict=True))


def applied(learner: Learner, params: Mapping[str, float]) -> Learner:
    """The learner with these settings."""
    for name, value in params.items():
        path = _path(learner, name)
        assert path is not None
        learner = _replaced(learner, path, _faster(_at(learner, path), value) if name == "steps" else value)
    return learner


def _usual(learner: Learner, name: str) -> Dimension:
    path = _path(learner, name)
    assert path is not None
    value = 1.0 if name == "steps" else float(_at(learner, path))
    if name in _CHOICES:
        return Dimension(name, value, choices=_CHOICES[name])
    low, high = (_FACTORS[name][0] * value, _FACTORS[name][1] * value) if value > 0 else _ZERO[name]
    return Dimension(name, value, low=low, high=high)


def _meant(usual: Dimension, given: str) -> Dimension:
    try:
        if ".." in given:
            low, high = (float(end) for end in given.split(".."))
            if 0 < low < high:
                return dataclasses.replace(usual, choices=(), low=low, high=high)
        else:
            return dataclasses.replace(usual, choices=tuple(float(value) for value in given.split(",")))
    except ValueError:
        pass
    raise UsageError(f"this is no range for {usual.name}", got=given, wanted="LOW..HIGH with 0 < LOW < HIGH, or A,B,C")


def _path(learner: Learner, name: str) -> tuple[str, ...] | None:
    """Where a setting lies: in the network, in the scheme, or in the scheme that this one wraps."""
    places = (("network",),) if name == "dropout" else (("scheme",), ("scheme", "inner"))
    for place in places:
        holder: Any = learner
        for part in place:
            holder = getattr(holder, part, None)
        if dataclasses.is_dataclass(holder) and name in {field.name for field in dataclasses.fields(holder)}:
            return (*place, name)
    return None


def _at(holder: Any, path: Sequence[str]) -> Any:
    for part in path:
        holder = getattr(holder, part)
    return holder


def _replaced(holder: Any, path: Sequence[str], value: Any) -> Any:
    first, *rest = path
    return dataclasses.replace(holder, **{first: _replaced(getattr(holder, first), rest, value) if rest else value})


def _faster(steps: Any, factor: float) -> Any:
    return dataclasses.replace(steps, per_label=steps.per_label * factor, low=max(1, round(steps.low * factor)), high=max(1, round(steps.high * factor)))


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
