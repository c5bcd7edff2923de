"""Boxes with a class each. An item without any is labelled too: there is nothing in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from querist.core.errors import LabelError
from querist.core.looks import Look
from querist.tasks.classes import Classed, fresh, read
from querist.tasks.values import finite


@dataclass(frozen=True)
class BoxLabels(Classed):
    """The label space of detection. See `Classed` for its fields."""

    kind: ClassVar[str] = "detection"
    units: ClassVar[tuple[str, ...]] = ("items", "boxes", "clicks")

    @property
    def widget(self) -> str:
        """Name of the labelling widget."""
        return "boxes"

    def extras(self) -> Mapping[str, Any]:
        return {}

    def validate(self, item: str, value: Any) -> list[dict[str, Any]]:
        """The boxes in their order, corners as floats.

        Raises:
            LabelError: for another form, an unknown class, or corners that make no box.
        """
        wanted = 'a list of {"box": [x1, y1, x2, y2], "label": "name"} with x1 < x2, y1 < y2 and labels of ' + ", ".join(self.names)
        if not isinstance(value, list | tuple):
            raise LabelError(item, value, wanted)
        for place, one in enumerate(value):
            if not isinstance(one, Mapping) or set(one) != {"box", "label"} or not corners(one["box"]):
                raise LabelError(item, value, wanted, f"Look at the box at {place}.")
            if not isinstance(one["label"], str) or one["label"] not in self.ids:
                raise LabelError(item, value, wanted, self.hint(one["label"]) or f"The box at {place} has {one['label']!r}.")
        return [{"box": [float(number) for number in one["box"]], "label": str(one["label"])} for one in value]

    def suits(self, item: str, value: Any, look: Look) -> None:
        """Whether the boxes of a valid value lie in the picture, within a pixel.

        Raises:
            LabelError: naming the first that does not.
        """
        within(item, value, look, "box")

    def encode(self, value: Any) -> str:
        """The boxes with class ids, as JSON."""
        return json.dumps([{**one, "label": self.ids[one["label"]]} for one in value])

    def decode(self, text: str, version: int | None = None) -> list[dict[str, Any]]:
        """The boxes in present names; those of a retired class are not looked for any more and left out."""
        return [{**one, "label": self.present[one["label"]]} for one in json.loads(text) if one["label"] in self.present]

    def effort(self, value: Any) -> Mapping[str, float]:
        """What saying it takes: one item, so many boxes, two clicks a box."""
        return {"items": 1, "boxes": len(value), "clicks": 2 * len(value)}


def new(classes: Sequence[str]) -> BoxLabels:
    """Version 1 of the label space with these class names."""
    return BoxLabels(fresh(BoxLabels.kind, classes))


def from_schema(schema: Mapping[str, Any]) -> BoxLabels:
    """The inverse of `BoxLabels.schema`."""
    return BoxLabels(*read(schema))


def corners(box: Any, dimensions: int = 2) -> bool:
    """Whether these are the lower and the upper corner of a box: x1 y1 x2 y2, or x1 y1 z1 x2 y2 z2."""
    if not isinstance(box, list | tuple) or len(box) != 2 * dimensions or not all(map(finite, box)):
        return False
    return all(low < high for low, high in zip(box[:dimensions], box[dimensions:], strict=True))


def within(item: str, value: Any, look: Look, what: str) -> None:
    """Refuse things whose boxes do not lie in the item; `what` they are called.

    Raises:
        LabelError: naming the first that does not.
    """
    out = next((place for place, one in enumerate(value) if not look.holds(one["box"])), None)
    if out is not None:
        size = " × ".join(map(str, look.grids(len(value[out]["box"]) // 2)[0]))
        raise LabelError(item, value, f"boxes within the item of {size} pixels (rows first)", f"Look at the {what} at {out}.")
