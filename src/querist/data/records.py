"""Pairs of records as arrays: every attribute counted in hashed character n-grams, so that typing errors are small distances; and blocking.

`nets.siamese` takes them. Nothing is learnt here and no vocabulary is kept, so rows never change when there are more records.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import PoolError
from querist.data.arrays import ArrayPool
from querist.data.columns.pairs import Pairs

GRAMS: Final = 48
"""Counts of an attribute: the first says whether it is there at all, n-grams of two and three signs share the others."""

Record = Mapping[str, str]


def counts(record: Record, attributes: Sequence[str]) -> NDArray[np.uint8]:
    """A record as counts (attributes · GRAMS,); an attribute that it does not have is empty."""
    row = np.zeros((len(attributes), GRAMS), dtype=np.int64)
    for place, name in enumerate(attributes):
        text = record.get(name, "").strip().lower()
        if text:
            row[place, 0] = 1
            for gram in _grams(f"<{text}>"):
                row[place, 1 + zlib.crc32(gram.encode()) % (GRAMS - 1)] += 1
    return row.ravel().clip(max=255).astype(np.uint8)


def blocked(records: Mapping[str, Record], blocks: Iterable[Sequence[str]]) -> list[tuple[str, str]]:
    """Pairs of records that agree in all attributes of one of the blocks, sorted; what is empty agrees with nothing."""
    pairs: set[tuple[str, str]] = set()
    for block in blocks:
        groups: dict[tuple[str, ...], list[str]] = {}
        for key, record in records.items():
            value = tuple(record[name] for name in block)
            if all(value):
                groups.setdefault(value, []).append(key)
        for members in groups.values():
            pairs.update(combinations(sorted(members), 2))
    return sorted(pairs)


def stacked(left: Mapping[str, Record], right: Mapping[str, Record], ends: Sequence[tuple[str, str]], attributes: Sequence[str]) -> NDArray[np.uint8]:
    """Counts of both records of every pair, (n, 2, attributes · GRAMS)."""
    sides = [(np.stack([counts(record, attributes) for record in side.values()]), {key: place for place, key in enumerate(side)}) for side in (left, right)]
    places = np.array([[sides[0][1][one], sides[1][1][other]] for one, other in ends], dtype=np.int64).reshape(-1, 2)
    return np.stack([sides[0][0][places[:, 0]], sides[1][0][places[:, 1]]], axis=1)


def pair_pool(pairs: Pairs) -> ArrayPool:
    """A pool of the pairs of a table, under their ids; `pairs.rows` are the ends that `tasks.pair.propagation` wants.

    Raises:
        PoolError: without pairs.
    """
    if not pairs.rows:
        raise PoolError("there are no pairs", wanted="at least one pair of records")
    return ArrayPool(stacked(pairs.left, pairs.right, list(pairs.rows.values()), pairs.attributes), list(pairs.rows))


def _grams(text: str) -> list[str]:
    return [text[start : start + size] for size in (2, 3) for start in range(len(text) - size + 1)]
