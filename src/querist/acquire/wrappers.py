"""Wrappers that change which candidates a method sees, or how many of its picks are used. The inner method is any acquisition, a wrapper included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from querist.acquire.compose import Subview
from querist.acquire.ranked import MARGIN, rows_of_ids, whole
from querist.core.contracts import Acquisition, PoolView
from querist.core.errors import UsageError
from querist.core.records import Selection


@dataclass(frozen=True)
class Subsample:
    """Draw a random part of the pool first, then let the method choose within it.

    Attributes:
        inner: The method.
        size: Candidates that it sees; never fewer than it has to pick.
    """

    inner: Acquisition = MARGIN
    size: int = 10_000

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs."""
        return self.inner.needs

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        n, size = len(view.candidates), max(whole(self.size, "size"), k)
        if size >= n:
            return self.inner.select(view, k, rng)
        return self.inner.select(Subview(view, np.sort(rng.choice(n, size=size, replace=False))), k, rng)


@dataclass(frozen=True)
class Partition:
    """Split the pool at random into parts of equal size and let the method choose an equal share in each.

    Attributes:
        inner: The method.
        parts: Number of parts; a method that needs O(n·k) needs 1/parts of it.
    """

    inner: Acquisition = MARGIN
    parts: int = 4

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs."""
        return self.inner.needs

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`; the parts' first picks come first, then their second ones."""
        n, parts = len(view.candidates), whole(self.parts, "parts")
        k = min(k, n)
        found: list[tuple[int, int, str, float, str]] = []
        for part, (rows, places) in enumerate(zip(np.array_split(rng.permutation(n), parts), np.array_split(np.arange(k), parts), strict=True)):
            if not len(places):
                continue
            chosen = self.inner.select(Subview(view, np.sort(rows)), len(places), rng)
            pieces = zip(chosen.ids, chosen.scores, chosen.reasons, strict=True)
            found += [(place, part, item, score, f"part {part + 1} of {parts}: {why}") for place, (item, score, why) in enumerate(pieces)]
        found.sort(key=lambda one: one[:2])
        return Selection(tuple(one[2] for one in found), tuple(one[3] for one in found), tuple(one[4] for one in found))


@dataclass(frozen=True)
class MixRandom:
    """ε-random: every place in the batch is given to a random candidate with probability `share`, else to the method's next pick.

    Attributes:
        inner: The method.
        share: ε, in [0, 1].
    """

    inner: Acquisition = MARGIN
    share: float = 0.1

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs."""
        return self.inner.needs

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See `Acquisition.select`."""
        if not 0 <= self.share <= 1:
            raise UsageError("mix_random takes a share", got=self.share, wanted="a number from 0 to 1")
        k = min(k, len(view.candidates))
        coin = rng.random(k) < self.share
        chosen = self.inner.select(view, k - int(coin.sum()), rng)
        free = np.ones(len(view.candidates), dtype=bool)
        free[rows_of_ids(view.candidates, chosen.ids)] = False
        drawn = iter(rng.permutation(np.flatnonzero(free)))
        own = iter(zip(chosen.ids, chosen.scores, chosen.reasons, strict=True))
        picks = [(view.candidates[next(drawn)], 0.0, f"drawn at random (share {self.share:g})") if random else next(own) for random in coin]
        return Selection(tuple(one[0] for one in picks), tuple(one[1] for one in picks), tuple(one[2] for one in picks), chosen.memory)
