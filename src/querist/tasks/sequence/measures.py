"""Measures of texts against texts of which any is right. Free of torch.

Reference:
    Levenshtein 1966, Binary codes capable of correcting deletions, insertions and reversals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def distance(one: str, other: str) -> int:
    """Characters to insert, delete or exchange to make one text of the other."""
    before = list(range(len(other) + 1))
    for place, mine in enumerate(one, 1):
        row = [place]
        for there, theirs in enumerate(other, 1):
            row.append(min(before[there] + 1, row[-1] + 1, before[there - 1] + (mine != theirs)))
        before = row
    return before[-1]


def text_scores(pairs: Iterable[tuple[str, Sequence[str]]]) -> dict[str, float]:
    """`exact`: share of texts that are one of the right ones; `character_error_rate`: edits to the nearest right text, over its characters, all texts together.

    Args:
        pairs: (said, right texts) of each item; an item without right texts does not count. Empty without any.
    """
    hits = items = edits = characters = 0
    for said, answers in pairs:
        if not answers:
            continue
        nearest = min(answers, key=lambda answer: (distance(said, answer) / max(len(answer), 1), answer))
        items, hits = items + 1, hits + (said in answers)
        edits, characters = edits + distance(said, nearest), characters + len(nearest)
    return {"exact": hits / items, "character_error_rate": edits / max(characters, 1)} if items else {}
