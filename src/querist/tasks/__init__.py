"""Task kinds, one folder each: `labels.py` says what may be said about an item (free of torch), `learning.py` how it is learned."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from querist.core.contracts import LabelSpace
from querist.core.errors import UsageError

KINDS: Final[Mapping[str, str]] = {"classification": "querist.tasks.classification.labels"}
"""Task kind → module with `new(classes)` and `from_schema(schema)`."""


def label_space(schema: Mapping[str, Any]) -> LabelSpace:
    """The label space that a schema describes: the inverse of `LabelSpace.schema()`.

    Raises:
        UsageError: for an unknown kind or a schema that does not hold together.
    """
    space: LabelSpace = _module(str(schema.get("kind"))).from_schema(schema)
    return space


def new_space(kind: str, classes: Sequence[str], **options: Any) -> LabelSpace:
    """Version 1 of a label space.

    Args:
        kind: One of `KINDS`.
        classes: Names of the classes, in order, or of what the kind has in their place.
        options: Whatever else the kind wants to know.

    Raises:
        UsageError: for an unknown kind, no classes, or a name that is empty or comes twice.
    """
    space: LabelSpace = _module(kind).new(classes, **options)
    return space


def _module(kind: str) -> Any:
    if kind not in KINDS:
        raise UsageError("unknown task kind", got=kind, wanted=", ".join(sorted(KINDS)))
    return importlib.import_module(KINDS[kind])
