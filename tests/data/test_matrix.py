from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from querist.data.matrix import matrix

arrow = pytest.importorskip("pyarrow")
Make = Callable[..., Path]
_X = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "column",
    [
        arrow.FixedSizeListArray.from_arrays(arrow.array(_X.ravel()), 3),
        arrow.array(_X.tolist(), type=arrow.list_(arrow.float32())),
        arrow.array(_X.tolist(), type=arrow.large_list(arrow.float64())),
    ],
)
def test_vectors_of_every_arrow_type(tmp_path: Path, parquet: Make, column: object) -> None:
    np.testing.assert_array_equal(matrix(parquet(tmp_path / "t.parquet", {"v": column}, row_group_size=2), ["v"]), _X)


def test_columns_stand_side_by_side_in_every_format(tmp_path: Path, parquet: Make, jsonl: Make) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2.5\n3,x\n,1e60\n")
    expected = np.array([[1, 2.5], [3, np.nan], [np.nan, np.inf]], dtype=np.float32)
    np.testing.assert_array_equal(matrix(tmp_path / "t.csv", ["a", "b"]), expected)
    rows = [{"a": 1, "b": 2.5}, {"a": 3, "b": "x"}, {"b": 1e60}]
    np.testing.assert_array_equal(matrix(jsonl(tmp_path / "t.jsonl", rows), ["a", "b"]), expected)
    file = parquet(tmp_path / "t.parquet", {"a": [1, 3, None], "b": [2.5, float("nan"), 1e60]})
    np.testing.assert_array_equal(matrix(file, ["a", "b"]), expected)
    mixed = parquet(tmp_path / "m.parquet", {"v": _X.tolist(), "n": list(range(7))})
    np.testing.assert_array_equal(matrix(mixed, ["n", "v"]), np.column_stack([np.arange(7), _X]))


def test_missing_and_short_vectors_are_all_nan(tmp_path: Path, parquet: Make, jsonl: Make) -> None:
    vectors = [None, [1.0, 2.0], [3.0], [4.0, None]]
    expected = np.array([[np.nan, np.nan], [1, 2], [np.nan, np.nan], [4, np.nan]], dtype=np.float32)
    for path in (
        parquet(tmp_path / "t.parquet", {"v": vectors}),
        parquet(tmp_path / "g.parquet", {"v": vectors}, row_group_size=1),
        jsonl(tmp_path / "t.jsonl", [{"v": vector} for vector in vectors]),
    ):
        np.testing.assert_array_equal(matrix(path, ["v"]), expected)
    fixed = arrow.array([None, [1.0, 2.0]], type=arrow.list_(arrow.float32(), 2))
    np.testing.assert_array_equal(matrix(parquet(tmp_path / "f.parquet", {"v": fixed}), ["v"]), expected[:2])


def test_texts_of_numbers_count_as_numbers(tmp_path: Path, parquet: Make) -> None:
    file = parquet(tmp_path / "t.parquet", {"a": ["1", "2.5", "no", None]})
    np.testing.assert_array_equal(matrix(file, ["a"])[:, 0], np.array([1, 2.5, np.nan, np.nan], dtype=np.float32))
