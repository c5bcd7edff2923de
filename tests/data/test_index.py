from __future__ import annotations

import random

import pytest

from querist.core.errors import UnknownItemError
from querist.core.order import canonical, natural_key
from querist.data.index import index


@pytest.mark.parametrize(
    "ids",
    [
        [f"train-{row:05d}" for row in range(300)],
        [f"{name}/img_{row:03d}.png" for name in ("cat", "dog") for row in range(50)],
        [f"img{row}" for row in range(120)],
        ["a1b", "a01b", "a10b", "a9b", "1a", "a", "é2", "é10"],
        ["12", "2", "02", "0"],
    ],
)
def test_every_path_gives_natural_order(ids: list[str]) -> None:
    shuffled = random.Random(0).sample(ids, len(ids))
    expected = sorted(ids, key=lambda item_id: (int(item_id), item_id)) if all(item_id.isdigit() for item_id in ids) else sorted(ids, key=natural_key)
    assert canonical(shuffled) == expected


def test_rows_both_ways() -> None:
    found = index(["b", "a", "c"], "here")
    assert found.ids == ("a", "b", "c")
    assert found.by_row == ("b", "a", "c")
    assert found.rows(["c", "b"]).tolist() == [2, 0]
    with pytest.raises(UnknownItemError, match="'z'"):
        found.row("z")
