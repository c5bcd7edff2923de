"""What a reader of an annotation format gives, and what all of them share: file names, class lists, numbers and boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from querist.core.contracts import LabelSpace, Pool
from querist.core.errors import PoolError, UsageError
from querist.tasks import new_space


@dataclass(frozen=True)
class AnnotatedSet:
    """Items and what was said about them.

    Attributes:
        pool: The items; pictures have their path in the picture folder as id.
        values: Item → label value. An item that is not there is not labelled; an empty list says that nothing is on the picture.
        classes: Class names, in the order of the file.
        kind: Task kind: `detection`, `instance` or `dense`.
        left_out: What a reader passed over → how often, such as `difficult` objects.
    """

    pool: Pool
    values: Mapping[str, Any]
    classes: tuple[str, ...]
    kind: str
    left_out: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def space(self) -> LabelSpace:
        """The label space of the values, version 1, as `Project.create(task=…)` takes it."""
        return new_space(self.kind, list(self.classes))


def text_of(path: Path) -> str:
    """The content of a text file.

    Raises:
        PoolError: if it is not there or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PoolError(f"cannot open {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PoolError(f"{path} is not UTF-8: {error.reason} at byte {error.start}", hint="Save the file as UTF-8.") from error


def class_lines(path: Path) -> tuple[str, ...]:
    """Class names, one a line; the first line is class 0.

    Raises:
        PoolError: for a file without names, an empty line between names, or a name that comes twice; the message names the line.
    """
    lines = [line.strip() for line in text_of(path).rstrip().splitlines()]
    for number, name in enumerate(lines, 1):
        if not name or name in lines[: number - 1]:
            raise PoolError(f"{path}, line {number} is {'empty' if not name else 'there twice'}", got=repr(name), wanted="one class name a line, each once")
    if not lines:
        raise PoolError(f"{path} names no class", wanted="one class name a line")
    return tuple(lines)


def without_suffix(item: str) -> str:
    """An item's path without the ending of its file."""
    return str(PurePosixPath(item).with_suffix(""))


def by_stem(pool: Pool) -> dict[str, str]:
    """Path without ending → item.

    Raises:
        PoolError: if two pictures differ in nothing but their ending: which of them a file of annotations is about cannot be said.
    """
    found: dict[str, str] = {}
    for item in pool.ids():
        other = found.setdefault(without_suffix(item), item)
        if other != item:
            raise PoolError("two pictures differ in nothing but their ending", got=f"{other}, {item}", hint="Rename one of them.")
    return found


def size_of(pool: Pool, item: str) -> tuple[int, int]:
    """Height and width of a picture, upright.

    Raises:
        PoolError: if it is broken or no picture.
    """
    shape = np.shape(pool.load(item))
    if len(shape) not in (2, 3):
        raise PoolError(f"item {item!r} is no picture", got=shape, wanted="(h, w) or (h, w, 3)")
    return int(shape[0]), int(shape[1])


def number(value: Any, where: str) -> float:
    """A finite number, from a number or its text; `where` begins the message.

    Raises:
        PoolError: for anything else.
    """
    try:
        found = float(value) if isinstance(value, str | int | float) and value is not True and value is not False else math.nan
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise PoolError(f"{where} has no number where one belongs", got=repr(value), wanted="a finite number")
    return found


def boxes_of(item: str, value: Any, classes: Sequence[str], keys: Sequence[str] = ("box", "label")) -> list[Mapping[str, Any]]:
    """The objects of a label value, for a writer.

    Raises:
        UsageError: if the value is none of this kind, or names a class that is not in the list.
    """
    if not isinstance(value, list) or not all(isinstance(one, Mapping) and all(key in one for key in keys) for one in value):
        raise UsageError(f"the value of item {item!r} cannot be written", got=value, wanted="a list of mappings with " + ", ".join(keys))
    unknown = next((one["label"] for one in value if one["label"] not in classes), None)
    if unknown is not None:
        raise UsageError(f"the value of item {item!r} has a class that is not in the list", got=unknown, wanted=", ".join(classes))
    return value


def of_kind(annotated: AnnotatedSet, *kinds: str) -> None:
    """Refuses sets of other kinds.

    Raises:
        UsageError: for a kind that the format cannot hold.
    """
    if annotated.kind not in kinds:
        raise UsageError("this format cannot hold the labels of that kind", got=annotated.kind, wanted=" or ".join(kinds))
