"""Texts as rows of token indices: every token as a word, as a shape and as its character n-grams, hashed into one table."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from querist.core.tokens import tokens_of
from querist.nets.encoders import Encode

PADDING = 0
"""Index of nothing: no token, or fewer n-grams than there is room for."""


@dataclass(frozen=True)
class TokenGrams:
    """Tokens (between blanks) as rows of indices: word, shape, character n-grams. Takes no vocabulary, so rows never change when a pool grows.

    A number is rare as a word, but its shape tells a year from a telephone number, and a name with a typing error shares most of its n-grams
    with the right one; an unseen word is not unknown.

    Attributes:
        rows: Size of the table: 0 is padding, all else is shared.
        length: Tokens kept of a text.
        grams: n-grams kept of a token, from both of its ends.
        size: Characters of an n-gram; borders of the token count.
    """

    rows: int = 16_384
    length: int = 48
    grams: int = 10
    size: int = 3
    texts: bool = True
    fit_on: int = 0
    indices: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, int]:
        """Of one text."""
        return self.length, 2 + self.grams

    def open(self, sample: Sequence[Any]) -> Encode:
        """See `Encoder`."""
        return lambda items: np.stack([self.row(str(item)) for item in items])

    def row(self, text: str) -> NDArray[np.float32]:
        """(length, 2 + grams), `PADDING` behind the last token."""
        row = np.zeros(self.shape, dtype=np.float32)
        for place, token in enumerate(tokens_of(text)[: self.length]):
            found = token_indices(token, self.rows, self.grams, self.size)
            row[place, : len(found)] = found
        return row


@lru_cache(maxsize=1 << 16)
def token_indices(token: str, rows: int, grams: int, size: int) -> tuple[int, ...]:
    """Indices of a token, none of them `PADDING`: word, shape, n-grams."""
    bordered = f"\u2039{token.lower()}\u203a"
    pieces = [bordered[start : start + size] for start in range(max(len(bordered) - size + 1, 1))]
    if len(pieces) > grams:  # both ends: what a word begins and ends with says most
        pieces = [*pieces[: (grams + 1) // 2], *pieces[len(pieces) - grams // 2 :]]
    names = [f"w {token.lower()}", f"s {shape_of(token)}", *(f"g {piece}" for piece in pieces)]
    return tuple(1 + zlib.crc32(name.encode()) % (rows - 1) for name in names)


def shape_of(token: str) -> str:
    """Runs of capitals as A, of other letters as a, digits as 0, each for itself up to nine; all else as it is."""
    letters = re.sub(r"[^\W\d_]+", lambda run: "".join("A" if capital else "a" for capital, _ in groupby(run[0], str.isupper)), token)
    return re.sub(r"0{10,}", "0" * 9 + "+", re.sub(r"\d", "0", letters))
