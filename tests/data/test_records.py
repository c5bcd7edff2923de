"""Records as counts of n-grams, and pools of pairs."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.errors import PoolError
from querist.data.columns.pairs import Pairs, read_pairs, write_pairs
from querist.data.records import GRAMS, blocked, counts, pair_pool

NAMES = ("given", "town")


def test_counts_are_near_for_a_typing_error_and_say_what_is_missing() -> None:
    record = {"given": "Michaela ", "town": ""}
    rows = counts(record, (*NAMES, "street")).reshape(3, -1).astype(int)
    assert rows[:, 0].tolist() == [1, 0, 0] and not rows[1:].any()
    assert rows[0, 1:].sum() == 9 + 8, "two and three signs, with both ends"
    near, far = (counts({"given": name}, (*NAMES, "street")).reshape(3, -1).astype(int) for name in ("michaella", "bob"))
    assert 0 < abs(near - rows).sum() < abs(far - rows).sum()


RECORDS = st.dictionaries(st.sampled_from("abcdef"), st.fixed_dictionaries({name: st.sampled_from(["", "x", "y"]) for name in NAMES}), max_size=6)


@given(RECORDS)
def test_blocks_against_the_plainest_code(records: dict[str, dict[str, str]]) -> None:
    blocks = (("given",), ("given", "town"), ("town",))
    wanted = [
        pair
        for pair in combinations(sorted(records), 2)
        if any(all(records[pair[0]][name] == records[pair[1]][name] != "" for name in block) for block in blocks)
    ]
    assert blocked(records, blocks) == wanted


def test_a_pool_of_a_table_of_pairs(tmp_path: Path) -> None:
    left, right = {"1": {"given": "ann", "town": "rome"}, "2": {"given": "bob", "town": ""}}, {"1": {"given": "anna", "town": "rome"}}
    write_pairs(tmp_path, Pairs(NAMES, left, right, {"p": ("1", "1"), "q": ("2", "1")}, {"p": True, "q": None}))
    pairs = read_pairs(tmp_path)
    pool = pair_pool(pairs)
    assert len(pool) == 2 and list(pool.ids()) == sorted(pairs.rows)
    for item, (one, other) in pairs.rows.items():
        assert np.array_equal(pool.load(item), [counts(left[one], NAMES), counts(right[other], NAMES)])
    assert pool.load(pool.ids()[0]).shape == (2, 2 * GRAMS)
    with pytest.raises(PoolError, match="no pairs"):
        pair_pool(Pairs(NAMES, left, right, {}, {}))
