"""Sentences of film reviews and whether (or how far) they are meant well, from the material of the VADER paper.

The source archive of the package `vaderSentiment` 0.5 holds it (an installed package does not): a table of id, mean of
twenty ratings from -4 to 4, and text.

Reference: Hutto, Gilbert (2014), VADER: a Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text; the
sentences are those of Pang, Lee (2005).
"""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from querist.core.errors import PoolError
from querist.data.datasets.registry import Loaded, entry

_TABLE = "movieReviewSnippets_GroundTruth.txt"
_TAR = "hutto_ICWSM_2014.tar.gz"
_ARCHIVE = "vaderSentiment-0.5.zip"
_CLASSES = ("negative", "positive")


def movie_sentiment(root: str | None) -> Loaded:
    """10,568 sentences; the 37 that were rated neutral in the mean are left out.

    Args:
        root: The table, the tar file, the package's source archive, or a folder with one of them.
    """
    rated = [(score, text) for score, text in _rated(root) if score]
    return Loaded(np.array([text for _, text in rated]), np.array([int(score > 0) for score, _ in rated]), _CLASSES)


def movie_intensity(root: str | None) -> Loaded:
    """10,605 sentences with the mean of their twenty ratings, from -4 to 4.

    Args:
        root: See `movie_sentiment`.
    """
    rated = list(_rated(root))
    texts, scores = np.array([text for _, text in rated]), [score for score, _ in rated]
    return Loaded(texts, np.zeros(len(rated), dtype=np.int64), ("intensity",), scores, space={"low": -4.0, "high": 4.0})


def _rated(root: str | None) -> Iterator[tuple[float, str]]:
    """Mean rating and text of every sentence."""
    for number, line in enumerate(_lines(root), start=1):
        cells = line.split("\t", maxsplit=2)
        try:
            score, text = float(cells[1]), cells[2].strip()
        except (IndexError, ValueError) as error:
            raise PoolError(f"line {number} of {_TABLE} is broken", got=line[:60], wanted="id, score and text between tabs") from error
        if text:
            yield score, text


def _lines(root: str | None) -> Iterable[str]:
    given = root or os.environ.get("QUERIST_MOVIE_SENTIMENT")
    if given is None:
        raise PoolError("nobody said where the data set 'movie-sentiment' is", hint=f"{entry('movie-sentiment').get}.")
    path = Path(given)
    if path.is_dir():
        path = next((path / name for name in (_TABLE, _TAR, _ARCHIVE) if (path / name).is_file()), path / _TABLE)
    try:
        return (line for line in _content(path).decode("utf-8-sig").splitlines() if line.strip())
    except FileNotFoundError as error:
        raise PoolError(f"there is no {path}", hint=f"{entry('movie-sentiment').get}.") from error
    except (OSError, KeyError, UnicodeDecodeError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise PoolError(f"{path} cannot be read: {error}", wanted=f"{_TABLE}, {_TAR} or {_ARCHIVE}") from error


def _content(path: Path) -> bytes:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            inner = next((name for name in archive.namelist() if name.endswith(_TAR)), _TAR)
            return _untarred(archive.read(inner))
    return _untarred(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def _untarred(raw: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        member = next((name for name in archive.getnames() if name.endswith(_TABLE)), _TABLE)
        file = archive.extractfile(member)
        return b"" if file is None else file.read()
