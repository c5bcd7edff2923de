"""Texts with a tag for every token: what the formats of tagged text are read into and written from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from querist.core.contracts import LabelSpace
from querist.core.errors import PoolError
from querist.core.tokens import text_of, tokens_of
from querist.data.arrays import ArrayPool
from querist.tasks import new_space
from querist.tasks.tagging.spans import OUTSIDE, SCHEMES, converted, spelled, tag_names

Tags = Sequence[str | None]


@dataclass(frozen=True)
class Tagged:
    """Tagged texts.

    Attributes:
        pool: The texts, their tokens between single blanks.
        values: One tag per token of every item (None: nobody said).
        classes: All tags, in an order that does not depend on the order of the items.
        documents: Item → the document that it comes from, where the format knows; documents are not to be split between train and test.
        originals: Item → its text as the file has it, where tokens were found in it.
    """

    pool: ArrayPool
    values: Mapping[str, list[str | None]]
    classes: tuple[str, ...]
    documents: Mapping[str, str] = field(default_factory=dict)
    originals: Mapping[str, str] = field(default_factory=dict)

    @property
    def scheme(self) -> str:
        """How the tags spell spans: `BIO`, `BIOES`, or `plain` where they spell none. IOB1 looks like BIO: see `in_scheme`."""
        if not spelled(self.classes):
            return "plain"
        return "BIOES" if any(tag[0] in "ES" for tag in self.classes if tag != OUTSIDE) else "BIO"

    @property
    def labels(self) -> tuple[str, ...]:
        """What the spans are, or in the plain scheme the tags."""
        return self.classes if self.scheme == "plain" else tuple(dict.fromkeys(tag[2:] for tag in self.classes if tag != OUTSIDE))

    @property
    def space(self) -> LabelSpace:
        """Version 1 of a label space of these labels."""
        return new_space("tagging", list(self.labels), scheme=self.scheme)

    def rows(self) -> Iterable[tuple[str, list[str], list[str | None]]]:
        """Id, tokens and tags of every item, in canonical order."""
        return ((item, tokens_of(str(self.pool.load(item))), list(self.values[item])) for item in self.pool.ids())


def tagged(
    sentences: Sequence[tuple[Sequence[str], Tags]],
    source: str | Path,
    *,
    ids: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    documents: Sequence[str] = (),
    originals: Sequence[str] = (),
) -> Tagged:
    """Texts from their tokens and tags.

    Args:
        sentences: Tokens and tags of each.
        source: Where they come from, for messages.
        ids: Their ids; by default their numbers.
        classes: All tags, if the source says; else those that come, O first, then by label and prefix.
        documents: Document of each, or nothing.
        originals: Text of each as the source has it, or nothing.

    Raises:
        PoolError: without sentences, or where tokens and tags are not of one number.
    """
    if not sentences:
        raise PoolError(f"{source} holds no texts", got="0", wanted="at least one")
    uneven = next((row for row, (tokens, tags) in enumerate(sentences) if len(tokens) != len(tags) or not tokens), None)
    if uneven is not None:
        wrong = sentences[uneven]
        raise PoolError(f"text {uneven + 1} of {source} is broken", got=f"{len(wrong[0])} tokens, {len(wrong[1])} tags", wanted="one tag per token")
    pool = ArrayPool(np.array([text_of(tokens) for tokens, _ in sentences]), ids)
    names = list(ids) if ids is not None else [str(row) for row in range(len(sentences))]
    values = {item: list(tags) for item, (_, tags) in zip(names, sentences, strict=True)}
    found = tuple(classes) if classes is not None else ordered({tag for tags in values.values() for tag in tags if tag is not None})
    return Tagged(pool, values, found, dict(zip(names, documents, strict=False)), dict(zip(names, originals, strict=False)))


def ordered(found: Iterable[str]) -> tuple[str, ...]:
    """Tags in their usual order: O, then by label and within a label B, I, E, S; tags that spell no spans by name."""
    names = set(found)
    if not spelled(names):
        return tuple(sorted(names))
    return tuple(sorted(names, key=lambda tag: (tag != OUTSIDE, tag[2:], "BIES".find(tag[0]))))


def in_scheme(data: Tagged, scheme: str) -> Tagged:
    """The same texts with their spans spelled in another scheme.

    Raises:
        PoolError: where a token has no tag, or tags spell no spans.
    """
    if not spelled(data.classes) or any(tag is None for tags in data.values.values() for tag in tags):
        raise PoolError("these tags cannot be spelled in another scheme", got=", ".join(data.classes[:6]), wanted="a tag with B-, I-, E- or S- for every token")
    values: dict[str, list[str | None]] = {item: [*converted([str(tag) for tag in tags], scheme)] for item, tags in data.values.items()}
    return Tagged(data.pool, values, tag_names(data.labels, scheme), data.documents, data.originals)


__all__ = ["SCHEMES", "Tagged", "Tags", "in_scheme", "ordered", "tagged"]
