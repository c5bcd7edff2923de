"""One modality of a pool keeps the pool contract."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from querist.core.contracts import Pool
from querist.core.errors import PoolError, UnknownItemError
from querist.data.modalities import ABSENT, ModalityPool, absent
from querist.data.tables import TablePool
from querist.testing.pool_contract import PoolCase, PoolContract


def table(path: Path, n: int) -> Path:
    rows = [{"id": f"r{row}", "text": f"this is the text of row {row}", "v": [float(row), 1.0]} for row in range(n)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


class TestModality(PoolContract):
    @pytest.fixture(params=["text", "features"])
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> PoolCase:
        path = table(tmp_path / "t.jsonl", 9)

        def grow(pool: Pool) -> Sequence[str]:
            table(path, 12)
            return pool.extend(None)

        return PoolCase(lambda: ModalityPool(TablePool(str(path), text="text", features="v"), request.param), grow, persisted=True)


def test_an_item_without_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"id": "a", "text": "one", "v": [1.0]}\n{"id": "b", "text": " ", "v": [2.0]}\n')
    pool = ModalityPool(TablePool(str(tmp_path / "t.jsonl"), text="text", features="v"), "text")
    assert pool.load("a") == "one"
    with pytest.raises(PoolError, match=ABSENT) as caught:
        pool.load("b")
    assert absent(str(caught.value)) and not absent("broken")
    with pytest.raises(UnknownItemError):
        pool.load("c")
