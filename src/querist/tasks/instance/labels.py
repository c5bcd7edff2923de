"""Objects with a class, a box and a mask each."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from querist.core.errors import LabelError
from querist.core.looks import Look
from querist.tasks.classes import Classed, fresh, read
from querist.tasks.dense.labels import sides
from querist.tasks.detection.labels import corners, within
from querist.tasks.instance.rle import area, box_of, to_mask
from querist.tasks.values import whole


@dataclass(frozen=True)
class InstanceLabels(Classed):
    """The label space of instance segmentation. See `Classed` for its fields."""

    kind: ClassVar[str] = "instance"
    units: ClassVar[tuple[str, ...]] = ("items", "instances", "pixels")

    @property
    def widget(self) -> str:
        """Name of the labelling widget."""
        return "masks"

    def extras(self) -> Mapping[str, Any]:
        return {}

    def validate(self, item: str, value: Any) -> list[dict[str, Any]]:
        """The objects in their order; a box that is not given is that of the mask.

        Raises:
            LabelError: for another form, an unknown class, an empty mask, masks of several sizes, or a box that is none.
        """
        form = '{"box": [x1, y1, x2, y2], "label": "name", "mask": {"size": [h, w], "counts": […]}}'
        wanted = f"a list of {form}, masks not empty and of one size, labels of " + ", ".join(self.names)
        if not isinstance(value, list | tuple):
            raise LabelError(item, value, wanted)
        found: list[dict[str, Any]] = []
        for place, one in enumerate(value):
            if not isinstance(one, Mapping) or set(one) | {"box"} != {"box", "label", "mask"} or not _mask(one["mask"]):
                raise LabelError(item, value, wanted, f"Look at the object at {place}.")
            if not isinstance(one["label"], str) or one["label"] not in self.ids:
                raise LabelError(item, value, wanted, self.hint(one["label"]) or f"The object at {place} has {one['label']!r}.")
            mask = {"size": [int(side) for side in one["mask"]["size"]], "counts": [int(length) for length in one["mask"]["counts"]]}
            box = one.get("box") or box_of(to_mask(mask))
            if not corners(box, len(mask["size"])) or mask["size"] != (found[0]["mask"]["size"] if found else mask["size"]):
                raise LabelError(item, value, wanted, f"Look at the box or the size of the object at {place}.")
            found.append({"box": [float(number) for number in box], "label": str(one["label"]), "mask": mask})
        return found

    def suits(self, item: str, value: Any, look: Look) -> None:
        """Whether the boxes of a valid value lie in the picture, within a pixel.

        Raises:
            LabelError: naming the first that does not.
        """
        within(item, value, look, "object")

    def encode(self, value: Any) -> str:
        """The objects with class ids, as JSON."""
        return json.dumps([{**one, "label": self.ids[one["label"]]} for one in value])

    def decode(self, text: str, version: int | None = None) -> list[dict[str, Any]]:
        """The objects in present names; those of a retired class are not looked for any more and left out."""
        return [{**one, "label": self.present[one["label"]]} for one in json.loads(text) if one["label"] in self.present]

    def effort(self, value: Any) -> Mapping[str, float]:
        """What saying it takes: one item, so many instances, the pixels inside."""
        return {"items": 1, "instances": len(value), "pixels": sum(area(one["mask"]) for one in value)}


def new(classes: Sequence[str]) -> InstanceLabels:
    """Version 1 of the label space with these class names."""
    return InstanceLabels(fresh(InstanceLabels.kind, classes))


def from_schema(schema: Mapping[str, Any]) -> InstanceLabels:
    """The inverse of `InstanceLabels.schema`."""
    return InstanceLabels(*read(schema))


def _mask(mask: Any) -> bool:
    if not isinstance(mask, Mapping) or set(mask) != {"size", "counts"} or not sides(mask["size"]) or not isinstance(mask["counts"], list | tuple):
        return False
    if not all(whole(length) and length >= 0 for length in mask["counts"]):
        return False
    return sum(mask["counts"]) == math.prod(mask["size"]) and area(mask) > 0
