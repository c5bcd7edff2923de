from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from querist.core.errors import PoolError
from querist.data import formats

Make = Callable[..., Path]


def test_csv_rows_carry_their_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'\xef\xbb\xbfid,text\r\n1,"two\r\nlines"\r\n\r\n2,"a, ""b"""\r\n')
    assert list(formats.rows(path)) == [(3, {"id": "1", "text": "two\r\nlines"}), (5, {"id": "2", "text": 'a, "b"'})]
    assert formats.names(path) == ("id", "text")
    assert formats.count(path) == 2


def test_tsv_and_upper_case_endings(tmp_path: Path) -> None:
    (tmp_path / "t.TSV").write_text("id\ttext\n1\ta,b\n")
    assert formats.column(tmp_path / "t.TSV", "text") == ["a,b"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "empty"),
        ("t.csv", b"a,a\n1,2\n", "two columns of one name"),
        ("t.csv", b"a,b\n1,2\n3\n", "line 3"),
        ("t.csv", b'a,b\n1,2\n"x"y,3\n', "line 3"),
        ("t.csv", b'a,b\n1,2\n3,"open\n', "not valid CSV"),
        ("t.csv", b"a,b\n1,\xff\n", "not UTF-8"),
        ("t.jsonl", b'{"a": 1}\n\n{"a": \n', "line 3"),
        ("t.jsonl", b'{"a": 1}\n[1]\n', "line 2"),
        ("t.jsonl", b'{"a": "\xff"}\n', "not UTF-8"),
        ("t.parquet", b"PAR1junk", "cannot read"),
        ("t.parquet", b"", "cannot read"),
        ("t.txt", b"a", "no table"),
    ],
)
def test_broken_tables_are_named_with_the_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(PoolError, match=message):
        list(formats.rows(path))


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    for name in ("t.csv", "t.jsonl", "t.parquet"):
        with pytest.raises(PoolError, match="no such file"):
            formats.rows(tmp_path / name)


def test_the_three_formats_agree(tmp_path: Path, parquet: Make, jsonl: Make) -> None:
    rows = [{"id": str(row), "text": f"text {row}"} for row in range(5)]
    (tmp_path / "t.csv").write_text("id,text\n" + "".join(f"{row['id']},{row['text']}\n" for row in rows))
    paths = [tmp_path / "t.csv", jsonl(tmp_path / "t.jsonl", rows)]
    paths.append(parquet(tmp_path / "t.parquet", {name: [row[name] for row in rows] for name in ("id", "text")}))
    for path in paths:
        assert [row for _, row in formats.rows(path)] == rows
        assert formats.column(path, "text") == [row["text"] for row in rows]
        assert formats.head(path, 2) == {"id": ["0", "1"], "text": ["text 0", "text 1"]}
        assert formats.count(path) == 5
