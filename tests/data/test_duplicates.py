from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from querist.data.arrays import ArrayPool
from querist.data.duplicates import byte_equal
from querist.data.folders import FolderPool
from querist.data.tables import TablePool

Make = Callable[..., Path]


def test_files_are_equal_by_bytes_whatever_their_name(tmp_path: Path, picture: Make) -> None:
    for seed in range(5):
        picture(tmp_path / "pool" / f"{seed}.bmp", seed)  # bitmaps of one size: only the bytes differ
    picture(tmp_path / "test" / "cat" / "new.bmp", 77)
    shutil.copy(tmp_path / "pool" / "3.bmp", tmp_path / "test" / "cat" / "same.bmp")
    shutil.copy(tmp_path / "pool" / "1.bmp", tmp_path / "test" / "again.bmp")
    assert byte_equal(FolderPool(str(tmp_path / "pool")), FolderPool(str(tmp_path / "test"))) == ("1.bmp", "3.bmp")


def test_a_table_of_paths_meets_a_folder(tmp_path: Path, picture: Make) -> None:
    for seed in range(3):
        picture(tmp_path / "img" / f"{seed}.png", seed)
    (tmp_path / "t.csv").write_text("id,file\nx,img/2.png\ny,img/gone.png\n")
    assert byte_equal(FolderPool(str(tmp_path / "img")), TablePool(str(tmp_path / "t.csv"))) == ("2.png",)


def test_rows_and_texts_are_equal_by_content(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(6, 3))
    x[5, 0] = np.nan
    assert byte_equal(ArrayPool(x), ArrayPool(x[[4, 1]])) == ("1", "4")
    assert byte_equal(ArrayPool(x), ArrayPool(x[[4, 1]].astype(np.float32))) == ()
    for name, texts in (("a", "same\nother"), ("b", "same\nthird")):
        (tmp_path / f"{name}.csv").write_text(f"text\n{texts}\n")
    assert byte_equal(TablePool(str(tmp_path / "a.csv")), TablePool(str(tmp_path / "b.csv"))) == ("0",)
