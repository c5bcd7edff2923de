"""Triples of knowledge graphs and pairs of records: miniatures in the true format, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from querist.core.errors import PoolError
from querist.data.columns.pairs import read_pairs, write_joined, write_pairs
from querist.data.columns.triples import questions, read_triples, write_triples

pytestmark = pytest.mark.torchless


def test_triples_go_round(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("b\tlikes\ta\nb\tlikes\tc\n\nc\tis a kind of\ta\nb\tlikes\ta\n", encoding="utf-8")
    (tmp_path / "test.txt").write_text("a\tlikes\td\n", encoding="utf-8")
    graph = read_triples(tmp_path / "train.txt", tmp_path / "test.txt")
    assert graph.entities == ("a", "b", "c", "d") and graph.relations == ("is a kind of", "likes"), "names of all files, blanks inside"
    assert graph.part("test").tolist() == [[0, 1, 3]]
    assert questions(graph.part("train"), graph.entities) == {(1, 1): ["a", "c"], (2, 0): ["a"]}, "all tails of a question, once each"
    write_triples(tmp_path / "again.txt", graph, "train")
    assert read_triples(tmp_path / "again.txt").rows.shape == (4, 3)
    assert (tmp_path / "again.txt").read_text() == (tmp_path / "train.txt").read_text().replace("\n\n", "\n")


def test_triples_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("a\tb\tc\na\tb\n", encoding="utf-8")
    with pytest.raises(PoolError, match="line 2"):
        read_triples(tmp_path / "bad.txt")
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    with pytest.raises(PoolError, match="no triples"):
        read_triples(tmp_path / "empty.txt")
    with pytest.raises(PoolError, match="cannot be read"):
        read_triples(tmp_path / "nowhere.txt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tables of records and one of pairs, as the sets of the field come."""
    home = tmp_path / "Fodors-Zagats"
    home.mkdir()
    (home / "tableA.csv").write_text("id,name,city\n0,\"arnie, morton's\",la\n1,art's deli,studio city\n", encoding="utf-8")
    (home / "tableB.csv").write_text("id,name,city\n0,morton's of chicago,los angeles\n7,art's delicatessen,\n", encoding="utf-8")
    (home / "train.csv").write_text("ltable_id,rtable_id,label\n0,0,1\n1,7,\n1,0,0\n", encoding="utf-8")
    return home


def test_pairs_go_round(folder: Path, tmp_path: Path) -> None:
    data = read_pairs(folder)
    assert data.attributes == ("name", "city") and data.values == {"0~0": True, "1~7": None, "1~0": False}
    assert data.records("1~7") == ({"name": "art's deli", "city": "studio city"}, {"name": "art's delicatessen", "city": ""})
    write_pairs(tmp_path / "again", data)
    assert read_pairs(tmp_path / "again") == data
    write_joined(tmp_path / "joined.csv", data)
    joined = read_pairs(tmp_path / "joined.csv")
    assert joined.values == data.values and joined.attributes == data.attributes
    assert [joined.records(pair) for pair in joined.rows] == [data.records(pair) for pair in data.rows]


@pytest.mark.parametrize("row", ["0,9,1", "0,0,maybe", ",0,1", "0,0,1\n0,0,0"])
def test_broken_pairs_name_their_line(folder: Path, row: str) -> None:
    (folder / "test.csv").write_text(f"ltable_id,rtable_id,label\n{row}\n", encoding="utf-8")
    with pytest.raises(PoolError, match=r"test\.csv, line [23]"):
        read_pairs(folder, "test")


def test_pairs_that_are_missing(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="no such file"):
        read_pairs(folder, "valid")
    (tmp_path / "one.csv").write_text("id,label,left_name\n1,1,a\n", encoding="utf-8")
    with pytest.raises(PoolError, match="line 2"):
        read_pairs(tmp_path / "one.csv")
    (folder / "tableB.csv").write_text("id,name\n0,a\n0,b\n", encoding="utf-8")
    with pytest.raises(PoolError, match=r"tableB\.csv, line 3"):
        read_pairs(folder)
    (folder / "empty.csv").write_text("ltable_id,rtable_id,label\n", encoding="utf-8")
    (folder / "tableB.csv").write_text("id,name\n0,a\n", encoding="utf-8")
    with pytest.raises(PoolError, match="no pairs"):
        read_pairs(folder, "empty")
