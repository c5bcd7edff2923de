"""What a model says about the sites of some items: slots, tokens, pixels, boxes, or the item itself. Ragged; free of torch.

Shapes: n items, s sites of all of them, k posterior samples, c classes, d numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Sites:
    """Predictions of n items. Site arrays lie end to end: item i owns rows `offsets[i]` to `offsets[i + 1]`, maybe none.

    Attributes:
        offsets: (n + 1,) int64, from 0, never falling.
        probs: (s, k, c): what is said where a class is asked for; a yes-or-no site has the classes no and yes.
        values: (s, k, d): what is said where numbers are asked for.
        noise: (s, k, d): variance that the model expects of the answer itself, in the square of its units.
        weight: (s,) ≥ 0; a site of weight 0 does not count; None is 1 for all.
        place: (s, g): where a site is: x1 y1 x2 y2 of a box, start and end of a span.
        grid: Height and width (depth first, if there is one) where the sites of every item are a grid, row by row.
        features: (s, f): input of the last layer at the site.
        extra: Name → (s, …), further things said about a site.
        items: Name → (n, …), what is said about an item as a whole.
    """

    offsets: NDArray[np.int64]
    probs: Floats | None = None
    values: Floats | None = None
    noise: Floats | None = None
    weight: Floats | None = None
    place: Floats | None = None
    grid: tuple[int, ...] | None = None
    features: Floats | None = None
    extra: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    items: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def count(self) -> int:
        """Number of sites s."""
        return int(self.offsets[-1])

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """(s,): the item of each site."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def item(self, number: int) -> Sites:
        """One item's sites."""
        return self.part(number, number + 1)

    def part(self, first: int, last: int) -> Sites:
        """The items from `first` to before `last`."""
        rows = slice(int(self.offsets[first]), int(self.offsets[last]))
        cut: dict[str, Any] = {name: value[rows] for name in _BY_SITE if (value := getattr(self, name)) is not None}
        return replace(
            self,
            offsets=self.offsets[first : last + 1] - self.offsets[first],
            extra={name: value[rows] for name, value in self.extra.items()},
            items={name: value[first:last] for name, value in self.items.items()},
            **cut,
        )

    def only(self, kept: NDArray[np.bool_]) -> Sites:
        """The sites (s,) that are kept; items stay, also those left without any."""
        cut: dict[str, Any] = {name: value[kept] for name in _BY_SITE if (value := getattr(self, name)) is not None}
        counts = np.bincount(self.owner[kept], minlength=len(self))
        return replace(self, offsets=offsets_of(counts), grid=None, extra={name: value[kept] for name, value in self.extra.items()}, **cut)


_BY_SITE = ("probs", "values", "noise", "weight", "place", "features")


def offsets_of(counts: NDArray[Any]) -> NDArray[np.int64]:
    """(n + 1,) from the number of sites of each item (n,)."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def one_each(probs: Floats, features: Floats | None = None) -> Sites:
    """Items that are their own only site, from (n, k, c)."""
    return Sites(np.arange(len(probs) + 1), probs=probs, features=features)


def even(count: int, sites: int, **arrays: Any) -> Sites:
    """`count` items of `sites` sites each."""
    return Sites(np.arange(count + 1) * sites, **arrays)


def joined(parts: Sequence[Sites]) -> Sites:
    """The items of several, in order; all of them say the same sort of things.

    Raises:
        ValueError: of no parts.
    """
    if not parts:
        raise ValueError("nothing to join")

    def both(arrays: Sequence[Any]) -> Any:
        return None if arrays[0] is None else np.concatenate(arrays)

    return replace(
        parts[0],
        offsets=offsets_of(np.concatenate([np.diff(part.offsets) for part in parts])),
        extra={name: both([part.extra[name] for part in parts]) for name in parts[0].extra},
        items={name: both([part.items[name] for part in parts]) for name in parts[0].items},
        **{name: both([getattr(part, name) for part in parts]) for name in _BY_SITE},
    )
