"""Task kinds, one folder each: `labels.py` says what may be said about an item (free of torch), `learning.py` how it is learned."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final

from querist.core.contracts import LabelSpace
from querist.core.errors import UsageError

KINDS: Final[Mapping[str, str]] = {
    kind: f"querist.tasks.{kind}.labels"
    for kind in ("classification", "multi_output", "regression", "tagging", "dense", "detection", "instance", "pair", "link", "sequence")
}
"""Task kind → module with `new(classes, **options)` and `from_schema(schema)`."""


def label_space(schema: Mapping[str, Any]) -> LabelSpace:
    """The label space that a schema describes: the inverse of `LabelSpace.schema()`.

    Raises:
        UsageError: for an unknown kind or a schema that does not hold together.
    """
    space: LabelSpace = _module(str(schema.get("kind"))).from_schema(schema)
    return space


def new_space(kind: str, classes: Sequence[str] = (), **options: Any) -> LabelSpace:
    """Version 1 of a label space.

    Args:
        kind: One of `KINDS`.
        classes: Names of the classes (labels, targets, entities), in order; none for kinds without.
        options: Further options of the kind: see its `new`.

    Raises:
        UsageError: for an unknown kind or option, classes that the kind does not have or lacks, or a name that is empty or comes twice.
    """
    make = _module(kind).new
    known = [name for name in inspect.signature(make).parameters if name != "classes"]
    unknown = next((name for name in options if name not in known), None)
    if unknown is not None:
        raise UsageError(f"{kind} has no option {unknown!r}", got=options[unknown], wanted=", ".join(known) or "no options")
    space: LabelSpace = make(classes, **options)
    return space


def takes_classes(kind: str) -> bool:
    """Whether a label space of this kind needs names of classes; pairs and texts have none.

    Raises:
        UsageError: for an unknown kind.
    """
    known = _module(kind)
    try:
        known.new(())
    except UsageError:
        return True
    return False


def _module(kind: str) -> Any:
    if kind not in KINDS:
        raise UsageError("unknown task kind", got=kind, wanted=", ".join(sorted(KINDS)))
    return importlib.import_module(KINDS[kind])
