"""What a value is, told apart the way JSON does: true is no number, and NumPy's scalars are what they hold."""

from __future__ import annotations

import json
import math
import numbers
from typing import Any


def whole(value: Any) -> bool:
    """Whether this is a whole number."""
    return isinstance(value, numbers.Integral) and not yes_or_no(value)


def finite(value: Any) -> bool:
    """Whether this is a real number that is neither infinite nor NaN."""
    return isinstance(value, numbers.Real) and not yes_or_no(value) and math.isfinite(value)


def yes_or_no(value: Any) -> bool:
    """Whether this is true or false."""
    return type(value).__name__ in ("bool", "bool_")


def meant(kind: str, text: Any) -> Any:
    """The value that a text stands for: a class is its name, values of all other kinds are JSON (`true`, `3.5`, `["a", "b"]`), as exports write them."""
    if kind == "classification" or not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return text  # the task says what it wanted


def told(kind: str, value: Any) -> Any:
    """A value from a table: a class is a text, also where the table holds it as a number; those of other kinds are what their JSON says."""
    return str(value) if kind == "classification" else meant(kind, value)
