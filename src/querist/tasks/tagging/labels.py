"""One tag per token: spans of entities as BIO or BIOES, or a plain class for each. A token that nobody tagged is null."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final

from querist.core.errors import LabelError, UsageError
from querist.core.looks import Look
from querist.tasks.classes import Classed, fresh, read

OUTSIDE: Final = "O"
SCHEMES: Final[Mapping[str, str]] = {"BIO": "BI", "BIOES": "BIES", "plain": ""}
"""Tagging scheme → its prefixes; `plain` has none, its tags are the classes."""

_OPEN: Final = frozenset("BI")


@dataclass(frozen=True)
class TagLabels(Classed):
    """The label space of tagging. Its classes are the types of entities; see `Classed`.

    Attributes:
        scheme: One of `SCHEMES`.
    """

    scheme: str = "BIO"

    kind: ClassVar[str] = "tagging"
    units: ClassVar[tuple[str, ...]] = ("items", "tokens", "spans")

    @property
    def widget(self) -> str:
        """Name of the labelling widget."""
        return "tags" if self.scheme == "plain" else "spans"

    def extras(self) -> Mapping[str, Any]:
        return {"scheme": self.scheme}

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """All tags that may be given, in the order of a learner's positions: outside first, then class by class."""
        if self.scheme == "plain":
            return self.names
        return (OUTSIDE, *(f"{prefix}-{name}" for name in self.names for prefix in SCHEMES[self.scheme]))

    def validate(self, item: str, value: Any) -> list[str | None]:
        """One tag or null for each token, in order.

        Raises:
            LabelError: for what is no list of tags, for all null, and for a tag that may not follow the one before it.
        """
        known = frozenset(self.tags)
        if isinstance(value, str) or not isinstance(value, Sequence) or not value or not any(tag is not None for tag in value):
            raise LabelError(item, value, "a list with a tag or null for each token, not all null")
        for place, tag in enumerate(value):
            if tag is not None and (not isinstance(tag, str) or tag not in known):
                bare = tag.partition("-")[2] if isinstance(tag, str) else tag
                raise LabelError(item, value, "tags of " + ", ".join(self.tags), self.hint(bare) or f"The token at {place} has {tag!r}.")
        wrong = None if self.scheme == "plain" else next((place for place in range(len(value) + 1) if not self._follows(value, place)), None)
        if wrong is not None:
            raise LabelError(item, value, f"spans that hold together in {self.scheme}", f"What stands at {wrong} may not follow what is before it.")
        return [None if tag is None else str(tag) for tag in value]

    def suits(self, item: str, value: Any, look: Look) -> None:
        """Whether a valid value has a tag for each token of the text.

        Raises:
            LabelError: if it has more or fewer.
        """
        if look.tokens is not None and look.tokens != len(value):
            raise LabelError(item, value, f"{look.tokens} tags, one a token", f"It has {len(value)}; a token is what stands between blanks.")

    def encode(self, value: Any) -> str:
        """Tags with class ids, as JSON."""
        return json.dumps([self._swapped(tag, self.ids) for tag in value])

    def decode(self, text: str, version: int | None = None) -> list[str | None] | None:
        """Tags in present names; those of a retired class are null, and the whole is None if nothing is left."""
        tags = [self._swapped(tag, self.present) for tag in json.loads(text)]
        return tags if any(tag is not None for tag in tags) else None

    def effort(self, value: Any) -> Mapping[str, float]:
        """What saying it takes: one item, so many tokens and spans (in the plain scheme none)."""
        starts = 0 if self.scheme == "plain" else sum(tag is not None and tag[0] in "BS" for tag in value)
        return {"items": 1, "tokens": sum(tag is not None for tag in value), "spans": starts}

    def _swapped(self, tag: str | None, names: Mapping[str, str]) -> str | None:
        if tag is None or (tag == OUTSIDE and self.scheme != "plain"):
            return tag
        prefix, _, name = ("", "", tag) if self.scheme == "plain" else tag.partition("-")
        found = names.get(name)
        return None if found is None else f"{prefix}-{found}" if prefix else found

    def _follows(self, tags: Sequence[str | None], place: int) -> bool:
        """Whether the tag at a place may stand behind the one before it; null goes with everything."""
        before = tags[place - 1] if place else OUTSIDE
        tag = tags[place] if place < len(tags) else OUTSIDE
        if before is None or tag is None:
            return True
        inside = before[0] in _OPEN and before != OUTSIDE
        goes_on = tag[0] in "IE" and tag != OUTSIDE
        if goes_on:
            return inside and before[2:] == tag[2:]
        return not inside or self.scheme == "BIO"


def new(classes: Sequence[str], *, scheme: str = "BIO") -> TagLabels:
    """Version 1.

    Args:
        classes: Types of entities, or the tags themselves in the plain scheme.
        scheme: One of `SCHEMES`.
    """
    if scheme not in SCHEMES:
        raise UsageError("unknown tagging scheme", got=scheme, wanted=", ".join(SCHEMES))
    return TagLabels(fresh(TagLabels.kind, classes, 2 if scheme == "plain" else 1), 1, scheme)


def from_schema(schema: Mapping[str, Any]) -> TagLabels:
    """The inverse of `TagLabels.schema`."""
    classes, version = read(schema)
    if schema.get("scheme") not in SCHEMES:
        raise UsageError("not a tagging schema", got=schema.get("scheme"), wanted="scheme: " + ", ".join(SCHEMES))
    return TagLabels(classes, version, schema["scheme"])
