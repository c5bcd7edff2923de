"""The pool contract over every kind of pool."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from querist.core.contracts import Pool
from querist.data.arrays import ArrayPool, FilePool
from querist.data.datasets import NamedPool
from querist.data.folders import FolderPool
from querist.data.tables import TablePool
from querist.data.wrapped import HFPool, TorchPool
from querist.testing.pool_contract import PoolCase, PoolContract

_X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
_TEXTS = [f"this is the text of row {row}" for row in range(15)]


class TestArrayPool(PoolContract):
    @pytest.fixture(params=["numbers", "texts", "memmap"])
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> PoolCase:
        if request.param == "texts":
            return PoolCase(lambda: ArrayPool(_TEXTS[:12]), lambda pool: pool.extend(_TEXTS[12:]), persisted=False)
        np.save(tmp_path / "x.npy", _X)
        x = np.load(tmp_path / "x.npy", mmap_mode="r") if request.param == "memmap" else _X
        return PoolCase(lambda: ArrayPool(x), lambda pool: pool.extend(_X[:2]), persisted=False)


class TestArrayPoolWithIds(PoolContract):
    @pytest.fixture
    def case(self) -> PoolCase:
        ids = [f"row{row}" for row in reversed(range(12))]
        return PoolCase(lambda: ArrayPool(_X, ids), lambda pool: pool.extend({"row99": _X[0], "row12": _X[1]}), persisted=False)


class TestFilePool(PoolContract):
    @pytest.fixture(params=["npy", "npz"])
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> PoolCase:
        path = tmp_path / f"x.{request.param}"

        def write(n: int) -> None:
            buffer = io.BytesIO()
            if request.param == "npy":
                np.save(buffer, _X[:n])
            else:
                np.savez(buffer, x=_X[:n])
            path.unlink(missing_ok=True)  # an open memmap keeps the old file
            path.write_bytes(buffer.getvalue())

        def grow(pool: Pool) -> Sequence[str]:
            write(12)
            return pool.extend(None)

        write(9)
        return PoolCase(lambda: FilePool(str(path)), grow)


class TestFolderPool(PoolContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> PoolCase:
        image = pytest.importorskip("PIL.Image")
        rng = np.random.default_rng(0)

        def write(name: str) -> None:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            image.fromarray(rng.integers(0, 256, (8, 9, 3), dtype=np.uint8)).save(tmp_path / name)

        def grow(pool: Pool) -> Sequence[str]:
            write("a/3.png")
            return pool.extend(None)

        for name in ("a/10.png", "a/9.jpg", "b/1.bmp"):
            write(name)
        return PoolCase(lambda: FolderPool(str(tmp_path)), grow)


class TestTablePool(PoolContract):
    @pytest.fixture(params=["csv texts", "csv numbers by id", "jsonl mapping", "parquet vectors", "parquet texts by id"])
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> PoolCase:
        kind = request.param
        path = tmp_path / f"t.{kind.split()[0]}"
        columns: dict[str, Any] = {"text": "t", "features": "v"} if "mapping" in kind else {}

        def write(n: int) -> None:
            if kind == "csv texts":
                path.write_text("text,label\n" + "".join(f"{text},x\n" for text in _TEXTS[:n]))
            elif kind == "csv numbers by id":
                path.write_text("id,a,b,label\n" + "".join(f"i{row},{_X[row, 0]},{row},1\n" for row in reversed(range(n))))
            elif kind == "jsonl mapping":
                path.write_text("".join(f'{{"t": "{_TEXTS[row]}", "v": {_X[row].tolist()}}}\n' for row in range(n)))
            else:
                arrow = pytest.importorskip("pyarrow")
                from pyarrow import parquet

                table = {"vector": _X[:n].tolist()} if "vectors" in kind else {"id": [f"i{row}" for row in range(n)], "text": _TEXTS[:n]}
                parquet.write_table(arrow.table(table), path)

        def grow(pool: Pool) -> Sequence[str]:
            write(12)
            return pool.extend(None)

        write(9)
        return PoolCase(lambda: TablePool(str(path), **columns), grow)


class TestNamedPool(PoolContract):
    @pytest.fixture
    def case(self) -> PoolCase:
        pytest.importorskip("sklearn")
        return PoolCase(lambda: NamedPool("iris"), None)


class TestTorchPool(PoolContract):
    @pytest.fixture
    def case(self) -> PoolCase:
        torch = pytest.importorskip("torch")
        data = torch.utils.data.TensorDataset(torch.from_numpy(_X.copy()), torch.arange(12))
        return PoolCase(lambda: TorchPool(data), lambda pool: pool.extend(data), persisted=False)


class TestHFPool(PoolContract):
    @pytest.fixture
    def case(self) -> PoolCase:
        datasets = pytest.importorskip("datasets")
        first, more = ({"id": list(range(a, b)), "text": _TEXTS[a:b], "label": [0] * (b - a)} for a, b in ((0, 9), (9, 15)))
        return PoolCase(lambda: HFPool(datasets.Dataset.from_dict(first)), lambda pool: pool.extend(datasets.Dataset.from_dict(more)), persisted=False)
