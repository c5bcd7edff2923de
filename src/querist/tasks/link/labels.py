"""All the entities that a query (head, relation) leads to. None is an answer too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from querist.core.errors import LabelError
from querist.tasks.classes import Classed, fresh, read


@dataclass(frozen=True)
class LinkLabels(Classed):
    """The label space of links. Its classes are the entities; see `Classed`."""

    kind: ClassVar[str] = "link"
    units: ClassVar[tuple[str, ...]] = ("items", "tails")
    least: ClassVar[int] = 2

    @property
    def widget(self) -> str:
        """Name of the labelling widget."""
        return "search"

    def extras(self) -> Mapping[str, Any]:
        return {}

    def validate(self, item: str, value: Any) -> list[str]:
        """The entities, in the order of their positions.

        Raises:
            LabelError: for what is no list of entities, or one that comes twice.
        """
        wanted = "a list of distinct entities of " + ", ".join(self.names[:20]) + (" …" if len(self.names) > 20 else "")
        if not isinstance(value, list | tuple | set | frozenset) or not all(isinstance(name, str) for name in value):
            raise LabelError(item, value, wanted)
        unknown = next((name for name in value if name not in self.ids), None)
        if unknown is not None or len(set(value)) != len(value):
            raise LabelError(item, value, wanted, None if unknown is None else self.hint(unknown) or f"{unknown!r} is no entity.")
        return [str(name) for name in sorted(value, key=self._places.__getitem__)]

    def encode(self, value: Any) -> str:
        """Ids of the entities, as JSON."""
        return json.dumps([self.ids[name] for name in value])

    def decode(self, text: str, version: int | None = None) -> list[str]:
        """The entities in present names, without retired ones."""
        return [self.present[label] for label in json.loads(text) if label in self.present]

    def effort(self, value: Any) -> Mapping[str, float]:
        """What saying it takes: one item, so many tails."""
        return {"items": 1, "tails": len(value)}

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {name: place for place, name in enumerate(self.names)}


def new(classes: Sequence[str]) -> LinkLabels:
    """Version 1 of the label space with these entities."""
    return LinkLabels(fresh(LinkLabels.kind, classes, LinkLabels.least))


def from_schema(schema: Mapping[str, Any]) -> LinkLabels:
    """The inverse of `LinkLabels.schema`."""
    return LinkLabels(*read(schema))
