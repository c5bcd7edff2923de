from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from querist.core.errors import PoolError
from querist.data.labels import read_labels, read_test

Make = Callable[..., Path]


def test_the_three_formats_agree(tmp_path: Path, parquet: Make, jsonl: Make) -> None:
    expected = [("a", "cat", "ann"), ("a", "dog", "bob"), ("b", "cat", None)]
    (tmp_path / "l.csv").write_text("note,annotator,id,label\nx,ann,a,cat\n,bob,a,dog\n,,b,cat\n")
    rows = [{"id": item, "label": value, "annotator": by} for item, value, by in expected]
    paths = [tmp_path / "l.csv", jsonl(tmp_path / "l.jsonl", rows)]
    paths.append(parquet(tmp_path / "l.parquet", {name: [row[name] for row in rows] for name in rows[0]}))
    for path in paths:
        assert read_labels(path) == expected


def test_values_keep_their_type_and_ids_become_texts(tmp_path: Path, jsonl: Make) -> None:
    rows = read_labels(jsonl(tmp_path / "l.jsonl", [{"id": 7, "label": 0}, {"id": "8", "label": [1, 2]}]))
    assert [(row.id, row.value, row.annotator) for row in rows] == [("7", 0, None), ("8", [1, 2], None)]


def test_an_export_reads_as_labels(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("item,value,by\na,cat,ann\n")
    assert read_labels(tmp_path / "l.csv") == [("a", "cat", "ann")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,colour\na,cat\n", "no column 'label'"),
        ("name,label\na,cat\n", "no column 'id'"),
        ("id,label\na,cat\n,dog\n", "line 3 has no usable id"),
        ("id,label\na,cat\n\nb,\n", "line 4 has no label"),
        ("id,label\na\n", "line 2"),
    ],
)
def test_bad_rows_are_named_by_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "l.csv").write_text(content)
    with pytest.raises(PoolError, match=message):
        read_labels(tmp_path / "l.csv")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="no such file"):
        read_labels(tmp_path / "l.csv")


def test_a_folder_of_classes_is_a_test_set(tmp_path: Path, picture: Make) -> None:
    picture(tmp_path / "cat" / "1.png", 0)
    picture(tmp_path / "dog" / "deep" / "2.png", 1)
    found = read_test(tmp_path)
    assert found.targets == {"cat/1.png": "cat", "dog/deep/2.png": "dog"}
    assert found.pool.load("cat/1.png").shape == (16, 24, 3)
    picture(tmp_path / "3.png", 2)
    with pytest.raises(PoolError, match=r"'3\.png'.*no class folder"):
        read_test(tmp_path)


def test_a_table_with_a_label_column_is_a_test_set(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,text,label\nx10,good,pos\nx9,bad,neg\n")
    found = read_test(tmp_path / "t.csv")
    assert found.targets == {"x10": "pos", "x9": "neg"}
    assert found.pool.load("x10") == "good"
    (tmp_path / "u.csv").write_text("a,b,kind\n1,2,p\n3,4,\n")
    with pytest.raises(PoolError, match="no label column"):
        read_test(tmp_path / "u.csv")
    with pytest.raises(PoolError, match="line 3 has no label"):
        read_test(tmp_path / "u.csv", label_column="kind")


def test_the_label_column_never_becomes_content(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,grade\n1,5\n2,6\n")
    found = read_test(tmp_path / "t.csv", label_column="grade")
    assert found.targets == {"0": "5", "1": "6"}
    assert [value.tolist() for value in map(found.pool.load, ("0", "1"))] == [[1], [2]]
