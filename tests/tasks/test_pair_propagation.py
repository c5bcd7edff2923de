"""What answers about pairs imply, against the plainest closure."""

from __future__ import annotations

from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from querist.tasks.pair.propagation import Propagation

PEOPLE = "abcde"
ENDS = {f"{one}{other}": (one, other) for one, other in combinations(PEOPLE, 2)}


def closure(answers: dict[str, bool]) -> dict[str, bool]:
    """By the definition: who is connected is the same; who is connected to two that differ differs."""
    same = {(one, one) for one in PEOPLE} | {pair for item, yes in answers.items() if yes for pair in (ENDS[item], ENDS[item][::-1])}
    for _ in PEOPLE:
        same |= {(a, d) for (a, b), (c, d) in product(same, same) if b == c}
    differ = {(a, d) for item, yes in answers.items() if not yes for a, b in same for c, d in same if {b, c} == set(ENDS[item])}
    found = {item: pair in same for item, pair in ENDS.items() if item not in answers and (pair in same or pair in differ or pair[::-1] in differ)}
    return found


@given(st.dictionaries(st.sampled_from(sorted(ENDS)), st.booleans()))
def test_it_is_the_closure(answers: dict[str, bool]) -> None:
    assert Propagation(ENDS).implied(answers) == closure(answers)


def test_tracklets_of_the_fixture() -> None:
    """methods_c §9, union-find: four tracklets, yes(1, 2) and yes(2, 3)."""
    ends = {f"{one}{other}": (str(one), str(other)) for one, other in combinations((1, 2, 3, 4), 2)}
    assert Propagation(ends).implied({"12": True, "23": True}) == {"13": True}
    assert Propagation(ends).implied({"12": True, "23": True, "34": False}) == {"13": True, "14": False, "24": False}
    assert Propagation(ends, transitive=False).implied({"12": True, "23": True}) == {}


def test_anchors_of_the_fixture() -> None:
    """methods_c §9, one-to-one: yes(a1, b1) among 3 × 3 says no four times."""
    ends = {f"a{one}b{other}": (f"a{one}", f"b{other}") for one in (1, 2, 3) for other in (1, 2, 3)}
    found = Propagation(ends, transitive=False, one_to_one=True).implied({"a1b1": True})
    assert found == {"a1b2": False, "a1b3": False, "a2b1": False, "a3b1": False}
    assert Propagation(ends, one_to_one=True).implied({"a1b1": True, "a2b2": False}) == found


def test_what_has_no_ends_implies_nothing() -> None:
    assert Propagation(ENDS, one_to_one=True).implied({"stranger": True}) == {}
