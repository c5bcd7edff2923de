"""The versioned list of classes that most label spaces have: stable ids, so a rename changes no annotation, and a retired class stays readable."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

from querist.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class LabelClass:
    """One class: a stable id, its present name, and whether it is still given."""

    id: str
    name: str
    retired: bool = False


@dataclass(frozen=True)
class Classed(ABC):
    """A label space with classes. People say class names, the store keeps class ids.

    Attributes:
        classes: All classes that ever were, in order; a learner's class position counts those that are not retired.
        version: Grows by one with every change.
    """

    classes: tuple[LabelClass, ...]
    version: int = 1

    kind: ClassVar[str]
    least: ClassVar[int] = 1
    """How many classes it needs."""

    @abstractmethod
    def extras(self) -> Mapping[str, Any]:
        """What else its schema says, JSON-ready."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the classes that may be given, in the order of their positions."""
        return tuple(label.name for label in self.classes if not label.retired)

    @cached_property
    def ids(self) -> Mapping[str, str]:
        """Name → id of the classes that may be given."""
        return {label.name: label.id for label in self.classes if not label.retired}

    @cached_property
    def present(self) -> Mapping[str, str]:
        """Id → present name of the classes that may be given."""
        return {label.id: label.name for label in self.classes if not label.retired}

    def hint(self, name: Any) -> str | None:
        """Why a name is no class any more, if it was one."""
        return f"{name!r} is retired." if any(label.name == name for label in self.classes if label.retired) else None

    def schema(self) -> Mapping[str, Any]:
        """JSON-ready description."""
        classes = [{"id": label.id, "name": label.name, "retired": label.retired} for label in self.classes]
        return {"kind": self.kind, "version": self.version, "classes": classes, **self.extras()}

    def add(self, names: Sequence[str]) -> Self:
        """The next version, with more classes behind the present ones.

        Raises:
            UsageError: if a name is empty or taken.
        """
        if not names:
            raise UsageError("no class to add", wanted="at least one name")
        fresh = tuple(LabelClass(f"c{len(self.classes) + offset}", name) for offset, name in enumerate(distinct(names, self.names)))
        return replace(self, classes=(*self.classes, *fresh), version=self.version + 1)

    def rename(self, old: str, new: str) -> Self:
        """The next version, with a class under another name; its annotations follow.

        Raises:
            UsageError: if there is no such class, or the new name is empty or taken.
        """
        self._known(old)
        (name,) = distinct([new], self.names)
        return self._changed(old, name=name)

    def retire(self, name: str) -> Self:
        """The next version, without a class. What was said with it leaves the training view, by the rules of `decode`.

        Raises:
            UsageError: if there is no such class, or too few are left.
        """
        self._known(name)
        if len(self.names) <= self.least:
            number = "two classes" if self.least == 2 else "a class"
            raise UsageError(f"a {self.kind} task needs {number}", got=f"to retire {name!r}", wanted="another class first")
        return self._changed(name, retired=True)

    def _known(self, name: str) -> None:
        if name not in self.ids:
            raise UsageError("there is no such class", got=name, wanted=", ".join(self.names))

    def _changed(self, present: str, **change: Any) -> Self:
        classes = tuple(replace(label, **change) if label.name == present and not label.retired else label for label in self.classes)
        return replace(self, classes=classes, version=self.version + 1)


def fresh(kind: str, names: Sequence[str], least: int = 1) -> tuple[LabelClass, ...]:
    """The classes of version 1.

    Raises:
        UsageError: for fewer than `least` names, or one that is empty or comes twice.
    """
    found = distinct(names, ())
    if len(found) < least:
        number = "two classes" if least == 2 else "one class"
        raise UsageError(f"a {kind} task needs at least {number}", got=", ".join(found) or "none", wanted="distinct names")
    return tuple(LabelClass(f"c{position}", name) for position, name in enumerate(found))


def read(schema: Mapping[str, Any]) -> tuple[tuple[LabelClass, ...], int]:
    """Classes and version of a schema.

    Raises:
        UsageError: if it does not hold together.
    """
    try:
        return tuple(LabelClass(str(row["id"]), str(row["name"]), bool(row["retired"])) for row in schema["classes"]), int(schema["version"])
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"not a {schema.get('kind')} schema: {error!r}", wanted="kind, version, classes with id, name, retired") from error


def distinct(names: Sequence[str], taken: Sequence[str]) -> list[str]:
    """The names, stripped.

    Raises:
        UsageError: if one is empty, comes twice or is taken.
    """
    if isinstance(names, str):
        raise UsageError("classes come as a list of names", got=names, wanted="a list")
    seen = set(taken)
    found = []
    for raw in names:
        name = str(raw).strip()
        if not name or name in seen:
            raise UsageError("class names must be distinct and not empty", got=repr(name), wanted="a name that no class has yet")
        seen.add(name)
        found.append(name)
    return found
