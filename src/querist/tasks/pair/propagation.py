"""What answers about pairs imply about other pairs, at no cost: "the same" carries over, and in a one-to-one match a partner excludes all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from querist.kernels.merging import Merging, one_to_one

Ends = Mapping[str, tuple[str, str]]
"""Item → the two things that the pair is of."""


@dataclass(frozen=True)
class Propagation:
    """Rules of implication.

    Attributes:
        ends: Of every pair that may be asked.
        transitive: a = b and b = c say a = c; a = b and b ≠ c say a ≠ c.
        one_to_one: A yes says no to all other pairs with the same first end, or the same second end.
    """

    ends: Ends
    transitive: bool = True
    one_to_one: bool = False

    def implied(self, answers: Mapping[str, bool]) -> dict[str, bool]:
        """The pairs without an answer of which these answers say what it would be, in the order of `ends`.

        Args:
            answers: Item → answer; pairs without ends imply nothing. Where answers contradict each other, yes decides.
        """
        found = self._by_groups(answers) if self.transitive else {}
        if self.one_to_one:
            yes = [item for item, same in {**found, **answers}.items() if same and item in self.ends]
            found |= {item: False for item in self._excluded(yes) if item not in found}
        return {item: found[item] for item in self.ends if item in found and item not in answers}

    def _by_groups(self, answers: Mapping[str, bool]) -> dict[str, bool]:
        place = {name: number for number, name in enumerate(dict.fromkeys(name for pair in self.ends.values() for name in pair))}
        merging = Merging(len(place))
        known = [(self.ends[item], same) for item, same in answers.items() if item in self.ends]
        for (one, other), same in sorted(known, key=lambda told: not told[1]):  # all yes first: a no is then about whole groups
            merging.tell(place[one], place[other], same)
        said = ((item, merging.implied(place[one], place[other])) for item, (one, other) in self.ends.items())
        return {item: same for item, same in said if same is not None}

    def _excluded(self, yes: list[str]) -> Iterator[str]:
        sharing: dict[tuple[int, str], list[str]] = {}
        for item, pair in self.ends.items():
            for side, name in enumerate(pair):
                sharing.setdefault((side, name), []).append(item)
        for item in yes:
            near = {other: self.ends[other] for side, name in enumerate(self.ends[item]) for other in sharing[side, name]}
            excluded = set(one_to_one(self.ends[item], near.values()))
            yield from (other for other, pair in near.items() if pair in excluded)
