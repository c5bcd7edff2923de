"""What answers about pairs imply about other pairs: "the same" carries over, a partner excludes all other partners."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Merging:
    """Groups of things that were found to be the same (union-find), and groups that were found to differ.

    Attributes:
        size: Number of things, 0 … size - 1; each is a group of its own at first.
    """

    size: int
    _parent: list[int] = field(init=False, repr=False)
    _differs: set[tuple[int, int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._parent, self._differs = list(range(self.size)), set()

    def group(self, one: int) -> int:
        """Number of the group: its lowest member."""
        while self._parent[one] != one:
            self._parent[one] = self._parent[self._parent[one]]
            one = self._parent[one]
        return one

    def tell(self, one: int, other: int, same: bool) -> None:
        """An answer. A yes joins the groups; it decides against an earlier no about the same two groups."""
        a, b = sorted((self.group(one), self.group(other)))
        if not same:
            self._differs.update({(a, b)} if a != b else ())
            return
        self._parent[b] = a
        moved = [(a if x == b else x, a if y == b else y) for x, y in self._differs]
        self._differs = {(min(pair), max(pair)) for pair in moved if pair[0] != pair[1]}

    def implied(self, one: int, other: int) -> bool | None:
        """Whether the answers say that these are the same; None if they do not say."""
        a, b = sorted((self.group(one), self.group(other)))
        return True if a == b else False if (a, b) in self._differs else None

    def groups(self) -> list[list[int]]:
        """Members of each group, ascending, in the order of their lowest."""
        members: dict[int, list[int]] = {}
        for one in range(self.size):
            members.setdefault(self.group(one), []).append(one)
        return list(members.values())


def one_to_one(pair: tuple[str, str], pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs that a yes about `pair` answers with no: all others with one of its two ends."""
    a, b = pair
    return [other for other in pairs if other != pair and (other[0] == a or other[1] == b)]


def pair_reward(positives: Iterable[float], negatives: Iterable[float], same: bool, margin: float = 0.2) -> float:
    """What asking about a gallery item was worth: how badly the answers so far are told apart, at least 0.

    Args:
        positives: Its distances to the items found to be the same, the probe among them.
        negatives: Its distances to those found to differ; none count as 0.
        same: The answer about it.
        margin: m.

    Returns:
        max(0, m + y (max distance to positives - min distance to negatives)), y = 1 for yes and -1 for no.

    Reference:
        Liu et al. 2019 (DRAL, ICCV).
    """
    gap = max(positives, default=0.0) - min(negatives, default=0.0)
    return max(0.0, margin + (gap if same else -gap))
