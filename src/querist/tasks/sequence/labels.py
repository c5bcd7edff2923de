"""Texts that answer a prompt, any of which is right."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from querist.core.errors import LabelError, UsageError


@dataclass(frozen=True)
class TextLabels:
    """The label space of texts. It has no classes and one version.

    Attributes:
        alphabet: Characters that a text may have; empty is all.
        longest: Characters of the longest text allowed; 0 is any.
    """

    alphabet: str = ""
    longest: int = 0
    version: int = 1

    kind: ClassVar[str] = "sequence"
    units: ClassVar[tuple[str, ...]] = ("items", "texts", "characters")

    @property
    def widget(self) -> str:
        """Name of the labelling widget."""
        return "text"

    def validate(self, item: str, value: Any) -> list[str]:
        """The right texts, distinct, in their order; a text alone is a list of one.

        Raises:
            LabelError: for no text, one that is empty or comes twice, or characters or a length that are not allowed.
        """
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not texts or not all(isinstance(text, str) and text for text in texts) or len(set(texts)) != len(texts):
            raise LabelError(item, value, self._wanted())
        for text in texts:
            if (self.longest and len(text) > self.longest) or (self.alphabet and not set(text) <= set(self.alphabet)):
                raise LabelError(item, value, self._wanted(), f"Look at {text!r}.")
        return [str(text) for text in texts]

    def encode(self, value: Any) -> str:
        """The texts as JSON."""
        return json.dumps(value)

    def decode(self, text: str, version: int | None = None) -> list[str]:
        """The inverse of `encode`."""
        return list(json.loads(text))

    def schema(self) -> Mapping[str, Any]:
        """JSON-ready description."""
        return {"kind": self.kind, "version": self.version, "classes": [], "alphabet": self.alphabet, "longest": self.longest}

    def effort(self, value: Any) -> Mapping[str, float]:
        """What saying it takes: one item, so many texts and characters."""
        return {"items": 1, "texts": len(value), "characters": sum(map(len, value))}

    def _wanted(self) -> str:
        limits = [f"characters of {self.alphabet!r}"] * bool(self.alphabet) + [f"at most {self.longest} characters"] * bool(self.longest)
        return ", ".join(["one or several distinct texts, not empty", *limits])


def new(classes: Sequence[str] = (), *, alphabet: str = "", longest: int = 0) -> TextLabels:
    """The label space; for its options see `TextLabels`.

    Raises:
        UsageError: if classes are given, or an option makes no sense.
    """
    if classes:
        raise UsageError("texts have no classes", got=", ".join(classes), wanted="none")
    if longest < 0 or len(set(alphabet)) != len(alphabet):
        raise UsageError("not an alphabet or length", got=f"{alphabet!r}, {longest}", wanted="distinct characters, 0 or more")
    return TextLabels(alphabet, int(longest))


def from_schema(schema: Mapping[str, Any]) -> TextLabels:
    """The inverse of `TextLabels.schema`."""
    try:
        if schema["version"] != 1:
            raise UsageError("not a sequence schema", got=schema["version"], wanted="version 1")
        return new((), alphabet=str(schema["alphabet"]), longest=int(schema["longest"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"not a sequence schema: {error!r}", wanted="version, alphabet, longest") from error
