"""Canonical order: natural, total, the same on every path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querist.core.order import canonical, natural_key

pytestmark = pytest.mark.torchless

IDS = st.lists(st.text(alphabet="ab0129/-_.ä²", min_size=1, max_size=8) | st.integers(0, 2000).map(str), max_size=12)


def test_numbers_count_as_numbers() -> None:
    assert canonical(["img10", "img2", "img1"]) == ["img1", "img2", "img10"]
    assert canonical(["10", "9", "09", "0"]) == ["0", "09", "9", "10"]
    assert canonical(["b/1.png", "a/10.png", "a/9.png"]) == ["a/9.png", "a/10.png", "b/1.png"]


@given(IDS)
def test_the_order_is_that_of_the_key_whatever_came_first(ids: list[str]) -> None:
    assert canonical(ids) == sorted(ids, key=natural_key) == canonical(reversed(ids))


@given(st.lists(st.integers(0, 10**20).map(str), unique=True))
def test_plain_numbers_take_the_same_order(ids: list[str]) -> None:
    assert canonical(ids) == sorted(ids, key=natural_key)


@given(st.lists(st.integers(0, 99999), unique=True))
def test_ids_of_one_shape_take_the_same_order(numbers: list[int]) -> None:
    ids = [f"train-{number:05d}" for number in numbers]
    assert canonical(ids) == sorted(ids, key=natural_key) == [f"train-{number:05d}" for number in sorted(numbers)]


@given(st.sets(st.text(alphabet="a01²٣", min_size=1, max_size=5)))
def test_different_ids_have_different_keys(ids: set[str]) -> None:
    assert len({natural_key(item) for item in ids}) == len(ids)
