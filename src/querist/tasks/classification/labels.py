"""One class per item. Classes have stable ids, so a rename changes no annotation, and a class that is retired leaves its annotations readable."""

from __future__ import annotations

import json
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from querist.core.errors import LabelError, UsageError


@dataclass(frozen=True, slots=True)
class LabelClass:
    """One class: a stable id, its present name, and whether it is still given."""

    id: str
    name: str
    retired: bool = False


@dataclass(frozen=True)
class ClassLabels:
    """The label space of classification. People say class names, the store keeps class ids.

    Attributes:
        classes: All classes that ever were, in order; a learner's class position counts those that are not retired.
        version: Grows by one with every change.
    """

    classes: tuple[LabelClass, ...]
    version: int = 1

    kind: ClassVar[str] = "classification"

    @property
    def widget(self) -> str:
        """Name of the labelling widget."""
        return "choice"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes that may be given, in the order of their positions."""
        return tuple(label.name for label in self.classes if not label.retired)

    def validate(self, item: str, value: Any) -> str:
        """The class name that is meant. Whole numbers are taken for the name that they spell, if there is one.

        Raises:
            LabelError: for anything but the name of a class that is not retired.
        """
        whole = isinstance(value, numbers.Integral) and value is not True and value is not False
        text = str(int(value)) if whole else value
        if isinstance(text, str) and text in self.names:
            return str(text)
        hint = f"{value!r} is retired." if any(label.name == value for label in self.classes if label.retired) else None
        raise LabelError(item, value, "one of " + ", ".join(self.names), hint)

    def encode(self, value: Any) -> str:
        """A valid name as the JSON text of its class id."""
        return json.dumps(next(label.id for label in self.classes if label.name == value and not label.retired))

    def decode(self, text: str, version: int | None = None) -> str | None:
        """The present name of the class; None if it is retired by now or not known. Ids are stable, so every version reads the same."""
        class_id = json.loads(text)
        return next((label.name for label in self.classes if label.id == class_id and not label.retired), None)

    def effort(self, value: Any) -> Mapping[str, float]:
        """What saying it takes: one item."""
        return {"items": 1}

    def schema(self) -> Mapping[str, Any]:
        """JSON-ready description."""
        classes = [{"id": label.id, "name": label.name, "retired": label.retired} for label in self.classes]
        return {"kind": self.kind, "version": self.version, "classes": classes}

    def add(self, names: Sequence[str]) -> ClassLabels:
        """The next version, with more classes behind the present ones.

        Raises:
            UsageError: if a name is empty or taken.
        """
        if not names:
            raise UsageError("no class to add", wanted="at least one name")
        fresh = tuple(LabelClass(f"c{len(self.classes) + offset}", name) for offset, name in enumerate(_checked(names, self.names)))
        return ClassLabels((*self.classes, *fresh), self.version + 1)

    def rename(self, old: str, new: str) -> ClassLabels:
        """The next version, with a class under another name; its annotations follow.

        Raises:
            UsageError: if there is no such class, or the new name is empty or taken.
        """
        self._known(old)
        (name,) = _checked([new], self.names)
        return self._changed(old, name=name)

    def retire(self, name: str) -> ClassLabels:
        """The next version, without a class; its annotations leave the training view and go to review.

        Raises:
            UsageError: if there is no such class, or only two are left.
        """
        self._known(name)
        if len(self.names) <= 2:
            raise UsageError("a classification needs two classes", got=f"to retire {name!r}", wanted="a third class first")
        return self._changed(name, retired=True)

    def _known(self, name: str) -> None:
        if name not in self.names:
            raise UsageError("there is no such class", got=name, wanted=", ".join(self.names))

    def _changed(self, present: str, **change: Any) -> ClassLabels:
        classes = tuple(replace(label, **change) if label.name == present and not label.retired else label for label in self.classes)
        return ClassLabels(classes, self.version + 1)


def new(classes: Sequence[str]) -> ClassLabels:
    """Version 1 of the label space with these class names."""
    names = _checked(classes, ())
    if len(names) < 2:
        raise UsageError("a classification needs at least two classes", got=", ".join(names) or "none", wanted="two or more names")
    return ClassLabels(tuple(LabelClass(f"c{position}", name) for position, name in enumerate(names)))


def from_schema(schema: Mapping[str, Any]) -> ClassLabels:
    """The inverse of `ClassLabels.schema`."""
    try:
        classes = tuple(LabelClass(str(row["id"]), str(row["name"]), bool(row["retired"])) for row in schema["classes"])
        return ClassLabels(classes, int(schema["version"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"not a classification schema: {error!r}", wanted="kind, version, classes with id, name, retired") from error


def _checked(names: Sequence[str], taken: Sequence[str]) -> list[str]:
    if isinstance(names, str):
        raise UsageError("classes come as a list of names", got=names, wanted="a list")
    seen = set(taken)
    checked = []
    for raw in names:
        name = str(raw).strip()
        if not name or name in seen:
            raise UsageError("class names must be distinct and not empty", got=repr(name), wanted="a name that no class has yet")
        seen.add(name)
        checked.append(name)
    return checked
