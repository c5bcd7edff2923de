"""What a token of a text is, agreed on by label spaces, loaders and networks: a run of characters between blanks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

ABSENT: Final = -1e4
"""What a network puts out for every tag at a place without a token (behind the end of a text): no tag is likely there, none is likelier."""

CHAINED: Final = -2e4
"""What stands in the last row of a network's output for a text where the rows before it are a chain's, which scores tags together."""

_INSIDE: Final = "_"


def tokens_of(text: str) -> list[str]:
    """The tokens of a text, in order."""
    return text.split()


def text_of(tokens: Iterable[str]) -> str:
    """The text with these tokens, one blank between them. Blanks inside a token become `_`, and so does a token without characters."""
    return " ".join(_INSIDE.join(token.split()) or _INSIDE for token in tokens)
