"""Spans of tokens and the tags that spell them: BIO (IOB2), its older form IOB1, and BIOES.

Tags are read as `conlleval` and seqeval's default mode read them, so that no model's answer is unreadable: a span begins at B, at S, at a tag
of another label than the one before, behind E or S, and at an I or E with nothing before it; it ends where the next begins or an O stands.

Reference:
    Tjong Kim Sang, De Meulder 2003, Introduction to the CoNLL-2003 Shared Task (evaluation by exact spans and their labels).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from querist.core.errors import UsageError

OUTSIDE: Final = "O"
SCHEMES: Final = ("BIO", "BIOES", "IOB1")


class Span(NamedTuple):
    """Tokens `start` to `end` (exclusive) and what they are."""

    start: int
    end: int
    label: str


def spelled(classes: Iterable[str]) -> bool:
    """Whether tags with these names spell spans: beside O at least one, and all of the form B-, I-, E- or S-label."""
    names = [name for name in classes if name != OUTSIDE]
    return bool(names) and all(name[:2] in ("B-", "I-", "E-", "S-") and len(name) > 2 for name in names)


def spans_of(tags: Sequence[str | None]) -> list[Span]:
    """The spans that tags spell, in order. A token without a tag (None) is outside; a tag without a prefix is read as I-tag."""
    found: list[Span] = []
    start, open_label, closed = 0, "", True
    for place, tag in enumerate(tags):
        prefix, label = _parted(tag or OUTSIDE)
        begins = prefix in ("B", "S") or closed or label != open_label
        if open_label and (prefix == OUTSIDE or begins):
            found.append(Span(start, place, open_label))
        if prefix == OUTSIDE:
            open_label, closed = "", True
            continue
        if begins:
            start, open_label = place, label
        closed = prefix in ("E", "S")
    return [*found, Span(start, len(tags), open_label)] if open_label else found


def tags_of(spans: Iterable[Span], length: int, scheme: str = "BIO") -> list[str]:
    """The tags of a text of `length` tokens with these spans.

    Raises:
        UsageError: for an unknown scheme, a span outside the text, without tokens or a label, or two spans that share a token.
    """
    if scheme not in SCHEMES:
        raise UsageError("unknown scheme of tags", got=scheme, wanted=", ".join(SCHEMES))
    tags = [OUTSIDE] * length
    last = Span(0, 0, "")
    for span in sorted(spans):
        if not 0 <= span.start < span.end <= length or not span.label:
            raise UsageError("a span does not fit the text", got=tuple(span), wanted=f"tokens from 0 to {length} and a label")
        if span.start < last.end:
            raise UsageError("two spans share a token", got=f"{tuple(last)} and {tuple(span)}", wanted="spans one after the other")
        touches = span.start == last.end and span.label == last.label and last.end > 0
        tags[span.start : span.end] = _spell(span, scheme, touches)
        last = span
    return tags


def converted(tags: Sequence[str], scheme: str) -> list[str]:
    """The same spans in another scheme."""
    return tags_of(spans_of(tags), len(tags), scheme)


def tag_names(labels: Iterable[str], scheme: str = "BIO") -> tuple[str, ...]:
    """O and the tags of every label, as the classes of a label space."""
    prefixes = "BIES" if scheme == "BIOES" else "BI"
    return (OUTSIDE, *(f"{prefix}-{label}" for label in labels for prefix in prefixes))


def _spell(span: Span, scheme: str, touches: bool) -> list[str]:
    length = span.end - span.start
    prefixes = ["I"] * length
    if scheme != "IOB1" or touches:
        prefixes[0] = "B"
    if scheme == "BIOES":
        prefixes[-1] = "E" if length > 1 else "S"
    return [f"{prefix}-{span.label}" for prefix in prefixes]


def _parted(tag: str) -> tuple[str, str]:
    """Prefix and label: (O, "") outside."""
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, dash, label = tag.partition("-")
    return (prefix, label) if dash and prefix in ("B", "I", "E", "S") else ("I", tag)
