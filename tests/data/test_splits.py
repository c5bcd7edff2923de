from __future__ import annotations

import random
from collections import Counter

import pytest

from querist.core.errors import UsageError
from querist.core.order import canonical
from querist.data.splits import random_split, stratified_split

_TARGETS = {f"item-{row}": "abc"[0 if row % 10 < 6 else 1 if row % 10 < 9 else 2] for row in range(1000)}


@pytest.mark.parametrize("size", [0, 1, 7, 100, 333, 1000, 0.2, 1.0, 0.0])
def test_the_size_is_met_exactly_and_shares_to_one_item(size: int | float) -> None:
    held = stratified_split(_TARGETS, size)
    count = round(size * 1000) if isinstance(size, float) else size
    assert len(held) == len(set(held)) == count
    shares = Counter(_TARGETS[item_id] for item_id in held)
    for name, total in Counter(_TARGETS.values()).items():
        assert abs(shares[name] - count * total / 1000) < 1


def test_order_of_the_mapping_does_not_enter() -> None:
    items = list(_TARGETS.items())
    random.Random(1).shuffle(items)
    assert stratified_split(dict(items), 100, seed=3) == stratified_split(_TARGETS, 100, seed=3)
    assert random_split([item_id for item_id, _ in items], 100, seed=3) == random_split(_TARGETS, 100, seed=3)


def test_seeds_differ_and_the_result_is_in_canonical_order() -> None:
    splits = [stratified_split(_TARGETS, 100, seed) for seed in range(3)] + [random_split(_TARGETS, 100, seed) for seed in range(3)]
    assert len(set(splits)) == 6
    assert all(list(held) == canonical(held) for held in splits)


def test_every_item_is_held_out_equally_often() -> None:
    counts = Counter(item_id for seed in range(400) for item_id in random_split(map(str, range(10)), 3, seed))
    assert all(80 < counts[str(row)] < 160 for row in range(10))  # 120 expected, 4 standard deviations


@pytest.mark.parametrize("size", [-1, 1001, 1.5, -0.1])
def test_impossible_sizes_are_refused(size: int | float) -> None:
    with pytest.raises(UsageError, match="split"):
        stratified_split(_TARGETS, size)
    with pytest.raises(UsageError, match="split"):
        random_split(_TARGETS, size)
