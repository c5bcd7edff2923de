"""What the items of a pool are: pictures, texts, vectors, or several of these. Decided from columns, never from decoded pictures."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from querist.core.contracts import Pool
from querist.core.errors import PoolError
from querist.data.folders import FolderPool
from querist.data.tables import TablePool

SMALL: Final = 64
"""Side up to which a picture is small: a small network on its pixels serves it, a pretrained one expects more."""

SAMPLED: Final = 20


def content_kind(pool: Pool) -> str:
    """`images`, `small images`, `texts`, `vectors` or `mixed`.

    Raises:
        PoolError: if the first items of a pool without columns cannot be read.
    """
    if isinstance(pool, FolderPool):
        return "images"
    if isinstance(pool, TablePool):
        columns = pool.resolved()
        found = [kind for kind, column in (("texts", columns.text), ("images", columns.image), ("vectors", columns.features)) if column is not None]
        return found[0] if len(found) == 1 else "mixed"
    return _kind_of(_first(pool))


def _first(pool: Pool) -> Any:
    reasons: list[PoolError] = []
    for item_id in pool.ids()[:SAMPLED]:
        try:
            return pool.load(item_id)
        except PoolError as error:
            reasons.append(error)
    raise reasons[0]


def _kind_of(item: Any) -> str:
    if isinstance(item, str):
        return "texts"
    if hasattr(item, "keys"):
        return "mixed"
    shape = np.shape(item)
    if len(shape) < 2:
        return "vectors"
    return "small images" if max(sorted(shape)[-2:]) <= SMALL else "images"
