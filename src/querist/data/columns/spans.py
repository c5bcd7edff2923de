"""JSONL spans: a text a line, and the characters that are something: what prodigy, doccano, Label Studio's converters and spaCy's trainers write.

`{"id": …, "text": "Ann lives in Rome.", "spans": [{"start": 0, "end": 3, "label": "PER"}, …]}`. Instead of `spans` a file may have `entities` or
`label(s)`, and instead of a mapping a list `[start, end, label]`. Texts are cut into words, marks and wherever a span begins or ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from querist.core.errors import PoolError, UsageError
from querist.data import formats
from querist.data.columns.tagged import Tagged, tagged
from querist.tasks.tagging.spans import Span, spans_of, spelled, tags_of

_WORD: Final = re.compile(r"\w+|[^\w\s]")
_FIELDS: Final = ("spans", "entities", "label", "labels")


class Marked(NamedTuple):
    """Characters `start` to `end` (exclusive) of a text and what they are."""

    start: int
    end: int
    label: str


def read_spans(path: str | Path, *, scheme: str = "BIO") -> Tagged:
    """The texts of a file; a line without `id` has its number among the lines that are not empty, from 0.

    Args:
        path: JSONL, UTF-8.
        scheme: Of the tags, `BIO` or `BIOES`.

    Raises:
        PoolError: naming the line: no text, spans that overlap, leave the text or hold blanks only.
    """
    ids: list[str] = []
    sentences, originals = [], []
    for number, row in formats.rows(formats.checked(Path(path))):
        where = f"{path}, line {number}"
        text, name = row.get("text"), next((name for name in _FIELDS if name in row), None)
        if not isinstance(text, str) or not text.strip():
            raise PoolError(f"{where} has no text", got=repr(text), wanted='"text": "…"')
        if name is None:
            raise PoolError(f"{where} has no spans", got=", ".join(row), wanted="one of " + ", ".join(_FIELDS) + "; [] where there are none")
        sentences.append(tags_at(text, _marked(row[name], where), scheme, where))
        ids.append(str(row.get("id", len(ids))))
        originals.append(text)
    return tagged(sentences, path, ids=ids, originals=originals)


def write_spans(path: str | Path, data: Tagged) -> None:
    """A line per text, with its spans in characters of the original text where there is one.

    Raises:
        PoolError: if the tags spell no spans, or a token is not in the original text.
    """
    if not spelled(data.classes):
        raise PoolError("these tags spell no spans", got=", ".join(data.classes[:6]), wanted="O and tags with B-, I-, E- or S-")
    lines = []
    for item, tokens, tags in data.rows():
        text = data.originals.get(item, " ".join(tokens))
        places = _places(text, tokens, item)
        spans = [{"start": places[span.start][0], "end": places[span.end - 1][1], "label": span.label} for span in spans_of(tags)]
        lines.append(json.dumps({"id": item, "text": text, "spans": spans}, ensure_ascii=False) + "\n")
    Path(path).write_text("".join(lines), encoding="utf-8")


def tags_at(text: str, spans: Iterable[Marked], scheme: str = "BIO", where: str = "a text") -> tuple[list[str], list[str | None]]:
    """Tokens and tags of a text in which spans of characters are marked.

    Raises:
        PoolError: for spans that overlap, leave the text or hold no token; `where` says where.
    """
    marked = sorted(spans)
    cuts = sorted({edge for span in marked for edge in span[:2]})
    pieces = [piece for word in _WORD.finditer(text) for piece in _cut(word.start(), word.end(), cuts)]
    found = []
    for span in marked:
        inside = [number for number, (start, end) in enumerate(pieces) if span.start <= start and end <= span.end]
        if not 0 <= span.start < span.end <= len(text) or not inside:
            raise PoolError(f"{where}: a span does not fit the text", got=tuple(span), wanted=f"characters from 0 to {len(text)} with a word inside")
        found.append(Span(inside[0], inside[-1] + 1, span.label))
    try:
        tags = tags_of(found, len(pieces), scheme)
    except UsageError as error:
        raise PoolError(f"{where}: {error}") from error
    return [text[start:end] for start, end in pieces], [*tags]


def _marked(given: Any, where: str) -> list[Marked]:
    if not _listed(given):
        raise PoolError(f"{where}: spans are no list", got=given, wanted="a list of spans")
    found = []
    for given_one in given:
        row: Any = [given_one.get(key) for key in ("start", "end", "label")] if isinstance(given_one, Mapping) else given_one
        good = _listed(row) and len(row) == 3 and all(isinstance(edge, int) and not isinstance(edge, bool) for edge in row[:2])
        if not good or not isinstance(row[2], str) or not row[2]:
            raise PoolError(f"{where}: a span is broken", got=given_one, wanted='{"start": 0, "end": 3, "label": "PER"} or [0, 3, "PER"]')
        found.append(Marked(*row))
    return found


def _listed(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _cut(start: int, end: int, cuts: Sequence[int]) -> Iterable[tuple[int, int]]:
    return pairwise([start, *(cut for cut in cuts if start < cut < end), end])


def _places(text: str, tokens: Sequence[str], item: str) -> list[tuple[int, int]]:
    places, behind = [], 0
    for token in tokens:
        start = text.find(token, behind)
        if start < 0:
            raise PoolError(f"a token of item {item!r} is not in its original text", got=token, wanted=text[behind : behind + 60])
        behind = start + len(token)
        places.append((start, behind))
    return places
