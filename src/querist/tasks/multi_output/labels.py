"""Several answers per item: a yes or no for every label, or one class for every slot. What is not answered is not there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from querist.core.errors import LabelError, UsageError
from querist.tasks.classes import Classed, distinct, fresh, read
from querist.tasks.values import yes_or_no


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for an answer.

    Attributes:
        name: What it is called; it does not change.
        takes: Ids of the classes that may stand there; empty is a yes or no.
    """

    name: str
    takes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MultiOutputLabels(Classed):
    """The label space of several answers. See `Classed` for its fields.

    Attributes:
        slots: Empty: every class is a label of its own, present or not. Else the slots, which take classes.
    """

    slots: tuple[Slot, ...] = ()

    kind: ClassVar[str] = "multi_output"
    units: ClassVar[tuple[str, ...]] = ("items", "slots")

    @property
    def widget(self) -> str:
        """Name of the labelling widget."""
        return "slots" if self.slots else "choices"

    def extras(self) -> Mapping[str, Any]:
        return {"slots": [{"name": slot.name, "takes": list(slot.takes)} for slot in self.slots]}

    @property
    def choices(self) -> Mapping[str, tuple[str, ...]]:
        """Slot → names of the classes that it takes, in order; no class is a yes or no."""
        if not self.slots:
            return dict.fromkeys(self.names, ())
        return {slot.name: tuple(self.present[label] for label in slot.takes if label in self.present) for slot in self.slots}

    def validate(self, item: str, value: Any) -> dict[str, Any]:
        """Slot → answer, in the order of the slots, without the unanswered. A list of labels means yes for these and no for all others.

        Raises:
            LabelError: for an unknown slot, an answer that it does not take, or no answer at all.
        """
        choices = self.choices
        named = isinstance(value, list | tuple | set | frozenset) and all(isinstance(name, str) and name in self.ids for name in value)
        said = {name: name in value for name in self.names} if named and not self.slots else value
        if not isinstance(said, Mapping) or not all(answer is None or _fits(answer, choices.get(name)) for name, answer in said.items()):
            raise LabelError(item, value, self._wanted())
        unknown = next((name for name in said if name not in choices), None)
        found = {name: said[name] if isinstance(said[name], str) else bool(said[name]) for name in choices if said.get(name) is not None}
        if unknown is not None or not found:
            raise LabelError(item, value, self._wanted(), None if unknown is None else self.hint(unknown))
        return found

    def encode(self, value: Any) -> str:
        """Slot → answer with class ids, as JSON; a label's slot is its id."""
        names = {slot.name: slot.name for slot in self.slots} or self.ids
        return json.dumps({names[name]: self.ids[answer] if isinstance(answer, str) else answer for name, answer in value.items()})

    def decode(self, text: str, version: int | None = None) -> dict[str, Any] | None:
        """The answers in present names. A retired label or class is not answered any more; None if nothing is left."""
        stored, names = json.loads(text), {slot.name: slot.name for slot in self.slots} or self.present
        answers = {slot: self.present.get(answer) if isinstance(answer, str) else answer for slot, answer in stored.items()}
        return {name: answers[slot] for slot, name in names.items() if answers.get(slot) is not None} or None

    def effort(self, value: Any) -> Mapping[str, float]:
        """What saying it takes: one item, so many slots."""
        return {"items": 1, "slots": len(value)}

    def add(self, names: Sequence[str]) -> Self:
        """The next version with more labels, or more classes for every slot that takes classes."""
        added = super().add(names)
        ids = tuple(label.id for label in added.classes[len(self.classes) :])
        return replace(added, slots=tuple(replace(slot, takes=(*slot.takes, *ids)) if slot.takes else slot for slot in self.slots))

    def retire(self, name: str) -> Self:
        """The next version without a label or class.

        Raises:
            UsageError: if there is no such class, or a slot would be left with fewer than two.
        """
        for slot, taken in self.choices.items():
            if name in taken and len(taken) <= 2:
                raise UsageError(f"the slot {slot!r} needs two classes", got=f"to retire {name!r}", wanted="a third class first")
        return super().retire(name)

    def _wanted(self) -> str:
        said = "; ".join(f"{name}: {', '.join(taken) or 'true or false'}" for name, taken in self.choices.items())
        return f"answers for some of {{{said}}}"


def new(classes: Sequence[str] = (), *, slots: Sequence[str] | Mapping[str, Sequence[str]] | None = None) -> MultiOutputLabels:
    """Version 1.

    Args:
        classes: Without slots the labels, each a yes or no; with a list of slots the classes that each of them takes.
        slots: Names of the slots, or slot → its classes (none: a yes or no).
    """
    if slots is None:
        return MultiOutputLabels(fresh(MultiOutputLabels.kind, classes))
    own = slots if isinstance(slots, Mapping) else dict.fromkeys(distinct(slots, ()), tuple(classes))
    names = distinct(list(own), ())
    union = list(dict.fromkeys([*classes, *(name for taken in own.values() for name in taken)]))
    space = MultiOutputLabels(fresh(MultiOutputLabels.kind, union) if union else ())
    for slot, taken in own.items():
        if len(set(taken)) == 1:
            raise UsageError(f"the slot {slot!r} needs two classes", got=list(taken), wanted="two or more, or none for a yes or no")
    return replace(space, slots=tuple(Slot(name, tuple(space.ids[label] for label in distinct(own[name], ()))) for name in names))


def from_schema(schema: Mapping[str, Any]) -> MultiOutputLabels:
    """The inverse of `MultiOutputLabels.schema`."""
    classes, version = read(schema)
    try:
        return MultiOutputLabels(classes, version, tuple(Slot(str(row["name"]), tuple(row["takes"])) for row in schema["slots"]))
    except (KeyError, TypeError) as error:
        raise UsageError(f"not a multi_output schema: {error!r}", wanted="slots with name, takes") from error


def _fits(answer: Any, taken: tuple[str, ...] | None) -> bool:
    """Whether a slot that takes these classes takes this answer; an unknown slot takes everything here and is told of later."""
    if taken is None:
        return True
    return answer in taken if taken else yes_or_no(answer)
