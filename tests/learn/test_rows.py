"""Rows on disk: whole after any crash, and right when several processes write."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querist.learn.rows import Rows

pytestmark = pytest.mark.torchless


def row(number: int) -> np.ndarray:
    return np.full((2, 3), number, dtype=np.float32)


def add(rows: Rows, *numbers: int) -> None:
    rows.append([f"ä{number}" for number in numbers], np.stack([row(number) for number in numbers]))


def whole(rows: Rows) -> None:
    for item in rows.ids:
        assert (rows.take([item])[0] == float(item[1:])).all(), item


def test_rows_come_back_in_the_order_asked(tmp_path: Path) -> None:
    rows = Rows(tmp_path / "new")
    assert len(rows) == 0 and rows.shape is None and "ä1" not in rows
    add(rows, 4, 2)
    add(rows, 2, 9)
    assert rows.ids == ["ä4", "ä2", "ä9"] and rows.shape == (2, 3)
    for opened in (rows, Rows(tmp_path / "new")):
        assert opened.take(["ä9", "ä4", "ä9"])[:, 0, 0].tolist() == [9, 4, 9]
        with pytest.raises(KeyError):
            opened.take(["ä5"])


def test_an_id_given_twice_at_once_moves_no_other(tmp_path: Path) -> None:
    rows = Rows(tmp_path)
    add(rows, 1, 1, 2)
    add(rows, 3)
    whole(rows)
    whole(Rows(tmp_path))
    assert len(rows) == 3


def test_types_are_kept(tmp_path: Path) -> None:
    Rows(tmp_path).append(["a"], np.array([[1, 255]], dtype=np.uint8))
    assert Rows(tmp_path).take(["a"]).dtype == np.uint8


@settings(max_examples=60)
@given(data=st.data())
def test_files_cut_anywhere_lose_rows_but_never_mix_them(data: st.DataObject) -> None:
    """Also the small file with the shape, and also twice in a row."""
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            add(Rows(Path(folder)), *data.draw(st.lists(st.integers(0, 30), min_size=1, max_size=9)))
            name = data.draw(st.sampled_from(["rows.bin", "ids.txt", "shape.json"]))
            file = Path(folder) / name
            content = file.read_bytes()
            file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
            whole(Rows(Path(folder)))
        rows = Rows(Path(folder))
        add(rows, 40, 41)
        whole(rows)
        whole(Rows(Path(folder)))
        assert {"ä40", "ä41"} <= set(rows.ids)


@pytest.mark.parametrize("gone", ["rows.bin", "ids.txt", "shape.json"])
def test_a_file_that_is_gone_starts_the_table_anew(tmp_path: Path, gone: str) -> None:
    add(Rows(tmp_path), 1, 2)
    (tmp_path / gone).unlink()
    rows = Rows(tmp_path)
    assert len(rows) == 0
    add(rows, 3)
    whole(Rows(tmp_path))
    assert Rows(tmp_path).ids == ["ä3"]


def test_two_tables_over_one_folder_take_up_each_others_rows(tmp_path: Path) -> None:
    first = Rows(tmp_path)
    add(first, 1)
    second = Rows(tmp_path)
    add(second, 2, 3)
    add(first, 3, 4)
    assert first.ids == ["ä1", "ä2", "ä3", "ä4"]
    add(second, 5)
    for rows in (first, second, Rows(tmp_path)):
        whole(rows)
    assert len(Rows(tmp_path)) == 5


WRITER = """
import sys
from pathlib import Path
import numpy as np
from querist.learn.rows import Rows
rows = Rows(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 120, 2):
    rows.append([f"ä{number}", f"ä{number + 1}"], np.stack([np.full((2, 3), n, dtype=np.float32) for n in (number, number + 1)]))
"""


def test_processes_write_at_the_same_time(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(start)]) for start in (0, 1)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    rows = Rows(tmp_path)
    assert len(rows) == 121
    whole(rows)
