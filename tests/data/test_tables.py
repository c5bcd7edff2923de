from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from querist.core.errors import PoolError, UnknownItemError, UsageError
from querist.data.tables import TablePool

Make = Callable[..., Path]
_X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def test_texts_by_id(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,label,sentence\nb2,pos,good\nb10,neg,bad\n")
    pool = TablePool(str(path))
    assert list(pool.ids()) == ["b2", "b10"]
    assert pool.load("b10") == "bad"
    assert pool.take(["b10", "b2"]) == ["bad", "good"]
    with pytest.raises(UnknownItemError, match="'0'"):
        pool.load("0")


def test_whole_number_ids_of_jsonl_and_parquet_become_texts(tmp_path: Path, parquet: Make, jsonl: Make) -> None:
    paths = [
        jsonl(tmp_path / "t.jsonl", [{"id": 10, "text": "a"}, {"id": 9, "text": "b"}]),
        parquet(tmp_path / "t.parquet", {"id": [10, 9], "text": ["a", "b"]}),
    ]
    for path in paths:
        assert list(TablePool(str(path)).ids()) == ["9", "10"]
        assert TablePool(str(path)).load("9") == "b"


def test_features_are_stacked(tmp_path: Path, parquet: Make) -> None:
    pool = TablePool(str(parquet(tmp_path / "t.parquet", {"id": list("fedcba"), "label": [0] * 6, "vector": _X.tolist()})))
    np.testing.assert_array_equal(pool.take(["a", "f"]), _X[[5, 0]])
    assert pool.load("a").dtype == np.float32


def test_labels_are_not_read_into_features(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,label\n1,2,0\n3,4,1\n")
    assert TablePool(str(path)).take(["0", "1"]).tolist() == [[1, 2], [3, 4]]
    assert TablePool(str(path)).resolved().features == ("a", "b")


def test_pictures_beside_the_table_and_elsewhere(tmp_path: Path, picture: Make) -> None:
    picture(tmp_path / "img" / "x.png", 0)
    (tmp_path / "t.csv").write_text("file,label\nimg/x.png,cat\nimg/gone.png,dog\n")
    pool = TablePool(str(tmp_path / "t.csv"))
    assert pool.load("0").shape == (16, 24, 3)
    assert pool.file("0") == tmp_path / "img" / "x.png"
    with pytest.raises(PoolError, match=r"img/gone\.png"):
        pool.load("1")
    (tmp_path / "elsewhere").mkdir()
    moved = (tmp_path / "t.csv").rename(tmp_path / "elsewhere" / "t.csv")
    assert TablePool(str(moved), root=str(tmp_path)).load("0").shape == (16, 24, 3)


def test_pictures_inside_a_table(tmp_path: Path, picture: Make, parquet: Make) -> None:
    encoded = picture(tmp_path / "x.png", 0, mode="L").read_bytes()
    for column in ([encoded, None], [{"bytes": encoded, "path": None}, None]):
        pool = TablePool(str(parquet(tmp_path / "t.parquet", {"picture": column})))
        assert pool.load("0").shape == (16, 24)
        assert pool.file("0") is None
        with pytest.raises(PoolError, match=r"'1' \(row 1\) has no picture"):
            pool.load("1")


def test_several_kinds_of_content_make_a_mapping(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("title,a,b\nhello,1,2\n")
    item = TablePool(str(tmp_path / "t.csv"), text="title", features=("a", "b")).load("0")
    assert item["text"] == "hello"
    assert item["features"].tolist() == [1, 2]


def test_rows_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,a,b\nx,1,2\ny,3,\nz,inf,1\n")
    pool = TablePool(str(tmp_path / "t.csv"))
    with pytest.raises(PoolError, match=r"'y' \(row 1\).*column 'b'"):
        pool.take(["x", "y"])
    with pytest.raises(PoolError, match=r"'z' \(row 2\).*column 'a'"):
        pool.load("z")
    (tmp_path / "u.csv").write_text("id,text\nx,fine\ny, \n")
    with pytest.raises(PoolError, match=r"'y' \(row 1\) has no text"):
        TablePool(str(tmp_path / "u.csv")).load("y")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,text\n", "no items"),
        ("id,text\nx,a\nx,b\n", "'x' more than once"),
        ("id,text\nx,a\n,b\n", "empty id in row 1"),
    ],
)
def test_bad_ids_are_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(PoolError, match=message):
        TablePool(str(tmp_path / "t.csv")).ids()


def test_missing_columns_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(PoolError, match=r"no column 'key'.*a, b"):
        TablePool(str(tmp_path / "t.csv"), id_column="key").ids()
    with pytest.raises(PoolError, match="no column 'c'"):
        TablePool(str(tmp_path / "t.csv"), features=("a", "c")).load("0")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_row_numbers_need_an_unchanged_beginning(tmp_path: Path, kind: str, parquet: Make, jsonl: Make) -> None:
    path = tmp_path / f"t.{kind}"

    def write(texts: list[str]) -> None:
        if kind == "csv":
            path.write_text("text\n" + "\n".join(texts))  # no end of line: the next row continues after one
        elif kind == "jsonl":
            jsonl(path, [{"text": text} for text in texts])
        else:
            parquet(path, {"text": texts}, row_group_size=len(texts))

    write(["a", "b"])
    pool = TablePool(str(path))
    before = pool.fingerprint()
    assert len(pool) == 2
    write(["a", "b", "c"])
    assert list(pool.extend()) == ["2"]
    assert pool.load("2") == "c"
    assert TablePool(str(path)).fingerprint(first=2) == before  # so another process can check the same
    write(["a", "B", "c", "d"])
    with pytest.raises(PoolError, match="first 3 rows"):
        pool.extend()
    assert list(pool.ids()) == ["0", "1", "2"]
    write(["a"])
    with pytest.raises(PoolError, match="no longer has the row '1'"):
        pool.extend()


def test_rows_with_ids_may_move_but_not_vanish(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,text\nx,a\ny,b\n")
    pool = TablePool(str(path))
    assert len(pool) == 2
    path.write_text("id,text\nz,c\ny,b\nx,a\n")
    assert list(pool.extend(path)) == ["z"]
    assert pool.take(["x", "z"]) == ["a", "c"]
    path.write_text("id,text\nz,c\n")
    with pytest.raises(PoolError, match="no longer has the row 'x'"):
        pool.extend()
    with pytest.raises(UsageError, match="appended to its file"):
        pool.extend(tmp_path / "other.csv")


def test_ids_of_parquet_are_read_without_the_features(tmp_path: Path, parquet: Make) -> None:
    n, d = 200_000, 64
    arrow = pytest.importorskip("pyarrow")
    vectors = arrow.FixedSizeListArray.from_arrays(arrow.array(np.zeros(n * d, dtype=np.float32)), d)
    path = parquet(tmp_path / "t.parquet", {"id": [f"item-{row:07d}" for row in range(n)], "x": vectors}, use_dictionary=False, compression="none")
    began = time.perf_counter()
    pool = TablePool(str(path))
    assert len(pool) == n
    assert time.perf_counter() - began < 3.0
    assert "_columns" not in pool.__dict__
    assert pool.take(["item-0199999", "item-0000000"]).shape == (2, d)
