"""One class per pixel or voxel. What nobody has labelled is null, so a part of an image is a legal answer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from querist.core.errors import LabelError, UsageError
from querist.core.looks import Look
from querist.tasks.classes import Classed, fresh, read
from querist.tasks.dense.runs import NOBODY, corners, merged, to_positions
from querist.tasks.values import whole


@dataclass(frozen=True)
class DenseLabels(Classed):
    """The label space of class maps. See `Classed` for its fields."""

    kind: ClassVar[str] = "dense"
    units: ClassVar[tuple[str, ...]] = ("items", "pixels", "clicks")
    least: ClassVar[int] = 2

    @property
    def widget(self) -> str:
        """Name of the labelling widget."""
        return "map"

    def extras(self) -> Mapping[str, Any]:
        return {}

    def validate(self, item: str, value: Any) -> dict[str, Any]:
        """Size and runs with equal neighbours made one.

        Raises:
            LabelError: for another form, runs that do not fill the size, an unknown class, or a map that is all null.
        """
        wanted = '{"size": [h, w], "runs": [[class or null, length], …]} with classes ' + ", ".join(self.names)
        if not isinstance(value, Mapping) or set(value) != {"size", "runs"} or not sides(value["size"]) or not _runs(value["runs"]):
            raise LabelError(item, value, wanted)
        for name, _ in value["runs"]:
            if name is not None and (not isinstance(name, str) or name not in self.ids):
                raise LabelError(item, value, wanted, self.hint(name) or f"{name!r} is no class.")
        size, runs = [int(side) for side in value["size"]], merged(value["runs"])
        if sum(length for _, length in runs) != math.prod(size):
            raise LabelError(item, value, wanted, f"The runs make {sum(length for _, length in runs)} pixels, the size is {math.prod(size)}.")
        if all(name is None for name, _ in runs):
            raise LabelError(item, value, wanted, "Nothing is labelled.")
        return {"size": size, "runs": runs}

    def suits(self, item: str, value: Any, look: Look) -> None:
        """Whether a valid map is as large as the picture or volume.

        Raises:
            LabelError: if it is not.
        """
        grids = look.grids(len(value["size"]))
        if grids and tuple(value["size"]) not in grids:
            raise LabelError(item, f"a map of {value['size']}", f"a map of {list(grids[0])}, as large as the item")

    def encode(self, value: Any) -> str:
        """Size and runs with class ids, as JSON."""
        return json.dumps({"size": value["size"], "runs": [[None if name is None else self.ids[name], length] for name, length in value["runs"]]})

    def decode(self, text: str, version: int | None = None) -> dict[str, Any] | None:
        """The map in present names; pixels of a retired class are null, and the whole is None if nothing is left."""
        stored = json.loads(text)
        runs = merged([[self.present.get(label), length] for label, length in stored["runs"]])
        return {"size": stored["size"], "runs": runs} if any(name is not None for name, _ in runs) else None

    def effort(self, value: Any) -> Mapping[str, float]:
        """What saying it takes: one item, the pixels labelled, and as clicks the vertices of the pixel-exact outlines, the most a polygon needs."""
        positions = to_positions(value, self.names)
        return {"items": 1, "pixels": int((positions != NOBODY).sum()), "clicks": corners(positions)}


def new(classes: Sequence[str]) -> DenseLabels:
    """Version 1 with these classes, the background among them.

    Raises:
        UsageError: for bad names, or more classes than a byte holds.
    """
    if len(classes) >= NOBODY:
        raise UsageError("too many classes for a map", got=len(classes), wanted=f"fewer than {NOBODY}")
    return DenseLabels(fresh(DenseLabels.kind, classes, DenseLabels.least))


def from_schema(schema: Mapping[str, Any]) -> DenseLabels:
    """The inverse of `DenseLabels.schema`."""
    return DenseLabels(*read(schema))


def sides(size: Any) -> bool:
    """Whether this is the size of an image or volume."""
    return isinstance(size, list | tuple) and len(size) in (2, 3) and all(whole(side) and side > 0 for side in size)


def _runs(runs: Any) -> bool:
    if not isinstance(runs, list | tuple):
        return False
    return all(isinstance(run, list | tuple) and len(run) == 2 and whole(run[1]) and run[1] >= 0 for run in runs)
