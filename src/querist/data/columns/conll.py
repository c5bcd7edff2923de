"""CoNLL columns: a token a line, its columns between blanks or tabs, an empty line behind every sentence.

Lines that begin with `-DOCSTART-` begin a document (CoNLL-2003); they are no sentences.

Reference:
    Tjong Kim Sang, De Meulder 2003, Introduction to the CoNLL-2003 Shared Task.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from querist.core.errors import PoolError
from querist.data.columns.tagged import Tagged, tagged

DOCUMENT: Final = "-DOCSTART-"
UNSAID: Final = "_"
"""In the column of tags: nobody said."""


def read_conll(path: str | Path, *, token: int = 0, tag: int = -1, comments: str | None = None) -> Tagged:
    """The sentences of a file; ids are their numbers.

    Args:
        path: The file, UTF-8.
        token: Column of the token, from 0.
        tag: Column of the tag; by default the last.
        comments: Lines that begin with this are passed over; by default none is.

    Raises:
        PoolError: naming the line that has too few columns, or if the file cannot be read or holds no sentence.
    """
    sentences: list[tuple[list[str], list[str | None]]] = []
    documents: list[str] = []
    tokens: list[str] = []
    tags: list[str | None] = []
    document = 0
    for number, line in enumerate([*_lines(Path(path)), ""], 1):
        cells = line.split("\t") if "\t" in line else line.split()
        if comments is not None and line.startswith(comments):
            continue
        if not line.strip() or cells[0] == DOCUMENT:
            if tokens:
                sentences.append((tokens, tags))
                documents.append(str(document))
                tokens, tags = [], []
            document += bool(line.strip())
            continue
        if len(cells) < 2 or not -len(cells) <= token < len(cells) or not -len(cells) <= tag < len(cells):
            raise PoolError(f"{path}, line {number} has too few columns", got=line[:60], wanted="a token and its tag")
        tokens.append(cells[token])
        tags.append(None if cells[tag] == UNSAID else cells[tag])
    return tagged(sentences, path, documents=documents if document else ())


def write_conll(path: str | Path, data: Tagged) -> None:
    """Two columns, token and tag, with a blank between them; documents begin with their line."""
    parts: list[str] = []
    before: str | None = None
    for item, tokens, tags in data.rows():
        document = data.documents.get(item)
        if document is not None and document != before:
            parts.append(f"{DOCUMENT} O\n")
        before = document
        parts.append("".join(f"{token} {UNSAID if tag is None else tag}\n" for token, tag in zip(tokens, tags, strict=True)))
    Path(path).write_text("\n".join(parts) + "\n", encoding="utf-8")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError as error:
        raise PoolError("there is no such file", got=path, wanted="a file of CoNLL columns") from error
    except (OSError, UnicodeDecodeError) as error:
        raise PoolError(f"{path} cannot be read: {error}", wanted="a text file in UTF-8") from error
