"""One class per item. Classes have stable ids, so a rename changes no annotation, and a class that is retired leaves its annotations readable."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from querist.core.errors import LabelError
from querist.tasks.classes import Classed, fresh, read
from querist.tasks.values import whole


@dataclass(frozen=True)
class ClassLabels(Classed):
    """The label space of classification. See `Classed` for its fields."""

    kind: ClassVar[str] = "classification"
    units: ClassVar[tuple[str, ...]] = ("items",)
    least: ClassVar[int] = 2

    @property
    def widget(self) -> str:
        """Name of the labelling widget."""
        return "choice"

    def extras(self) -> Mapping[str, Any]:
        return {}

    def validate(self, item: str, value: Any) -> str:
        """The class name that is meant. Whole numbers are taken for the name that they spell, if there is one.

        Raises:
            LabelError: for anything but the name of a class that is not retired.
        """
        text = str(int(value)) if whole(value) else value
        if isinstance(text, str) and text in self.ids:
            return str(text)
        raise LabelError(item, value, "one of " + ", ".join(self.names), self.hint(value))

    def encode(self, value: Any) -> str:
        """A valid name as the JSON text of its class id."""
        return json.dumps(self.ids[value])

    def decode(self, text: str, version: int | None = None) -> str | None:
        """The present name of the class; None if it is retired by now or not known. Ids are stable, so every version reads the same."""
        return self.present.get(json.loads(text))

    def effort(self, value: Any) -> Mapping[str, float]:
        """What saying it takes: one item."""
        return {"items": 1}


def new(classes: Sequence[str]) -> ClassLabels:
    """Version 1 of the label space with these class names."""
    return ClassLabels(fresh(ClassLabels.kind, classes, ClassLabels.least))


def from_schema(schema: Mapping[str, Any]) -> ClassLabels:
    """The inverse of `ClassLabels.schema`."""
    return ClassLabels(*read(schema))
