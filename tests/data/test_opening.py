from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from querist.core.errors import PoolError, UsageError
from querist.core.spec import spec
from querist.data.arrays import FilePool
from querist.data.datasets import NamedPool
from querist.data.folders import FolderPool
from querist.data.opening import open_pool
from querist.data.tables import TablePool

Make = Callable[..., Path]


def test_the_path_decides(tmp_path: Path, picture: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "photos" / "a.png", 0)
    (tmp_path / "t.csv").write_text("text\nhello\n")
    np.save(tmp_path / "x.npy", np.zeros((2, 3)))
    monkeypatch.chdir(tmp_path)
    assert open_pool("photos") == FolderPool(str(tmp_path / "photos"))
    assert open_pool("t.csv") == TablePool(str(tmp_path / "t.csv"), text="text")
    assert open_pool(Path("x.npy")) == FilePool(str(tmp_path / "x.npy"))
    pool = open_pool("t.csv")
    assert open_pool(spec(pool)) == pool


def test_a_name_is_a_data_set_unless_there_is_such_a_path(tmp_path: Path, picture: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    assert open_pool("digits") == NamedPool("digits")
    picture(tmp_path / "digits" / "a.png", 0)
    monkeypatch.chdir(tmp_path)
    assert open_pool("digits") == FolderPool(str(tmp_path / "digits"))


def test_detected_columns_are_fixed(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\nshort,longer text\n")
    pool = open_pool(path)
    assert isinstance(pool, TablePool)
    assert pool.text == "b"
    path.write_text("a,b\nshort,longer text\nnow this column is the longest of the two,x\n")
    pool.extend(None)
    assert pool.load("1") == "x"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none", None, "no such folder, file or named data set"),
        ("x.zip", "", "no pool that can be read"),
        ("x.csv", "", "empty"),
        ("x.csv", "id,text\n", "no items"),
    ],
)
def test_what_cannot_be_opened_is_named(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(PoolError, match=message):
        open_pool(tmp_path / name)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="no pictures"):
        open_pool(tmp_path)


def test_options_of_another_kind_are_refused(tmp_path: Path, picture: Make) -> None:
    picture(tmp_path / "a.png", 0)
    with pytest.raises(UsageError, match="a folder has no option 'text'"):
        open_pool(tmp_path, text="a", root=None)
