"""Whether two things are the same: yes or no for the pair."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from querist.core.errors import LabelError, UsageError
from querist.tasks.values import whole, yes_or_no


@dataclass(frozen=True)
class PairLabels:
    """The label space of pairs. It has no classes and one version."""

    version: int = 1

    kind: ClassVar[str] = "pair"
    units: ClassVar[tuple[str, ...]] = ("items",)

    @property
    def widget(self) -> str:
        """Name of the labelling widget."""
        return "pair"

    def validate(self, item: str, value: Any) -> bool:
        """True or False; 1 and 0 are taken for them.

        Raises:
            LabelError: for anything else.
        """
        if not (whole(value) or yes_or_no(value)) or int(value) not in (0, 1):
            raise LabelError(item, value, "true (the same) or false")
        return bool(value)

    def encode(self, value: Any) -> str:
        """`true` or `false`."""
        return json.dumps(value)

    def decode(self, text: str, version: int | None = None) -> bool:
        """The inverse of `encode`."""
        return bool(json.loads(text))

    def schema(self) -> Mapping[str, Any]:
        """JSON-ready description."""
        return {"kind": self.kind, "version": self.version, "classes": []}

    def effort(self, value: Any) -> Mapping[str, float]:
        """What saying it takes: one item."""
        return {"items": 1}


def new(classes: Sequence[str] = ()) -> PairLabels:
    """The label space.

    Raises:
        UsageError: if classes are given.
    """
    if classes:
        raise UsageError("a pair has no classes", got=", ".join(classes), wanted="none: the answer is yes or no")
    return PairLabels()


def from_schema(schema: Mapping[str, Any]) -> PairLabels:
    """The inverse of `PairLabels.schema`."""
    if schema.get("version") != 1:
        raise UsageError("not a pair schema", got=schema.get("version"), wanted="version 1")
    return PairLabels()
