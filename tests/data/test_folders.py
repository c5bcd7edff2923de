from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from querist.core.errors import PoolError, UnknownItemError, UsageError
from querist.data.folders import FolderPool

Make = Callable[..., Path]


@pytest.fixture
def photos(tmp_path: Path, picture: Make) -> Path:
    root = tmp_path / "photos"
    for seed, name in enumerate(("b/img10.png", "b/img9.jpg", "a.PNG", "c/d/e.webp")):
        picture(root / name, seed)
    picture(root / ".thumbs" / "x.png", 9)
    picture(root / ".hidden.png", 9)
    (root / "notes.txt").write_text("no picture")
    return root


def test_ids_are_relative_posix_paths_without_hidden_files(photos: Path) -> None:
    assert list(FolderPool(str(photos)).ids()) == ["a.PNG", "b/img9.jpg", "b/img10.png", "c/d/e.webp"]


def test_a_path_may_be_given_and_is_stored_as_text(photos: Path) -> None:
    assert FolderPool(photos) == FolderPool(str(photos))  # type: ignore[arg-type]


@pytest.mark.parametrize("item_id", ["../secret.png", "/etc/x.png", "b/../a.PNG", ".hidden.png", "notes.txt", "b//img9.jpg", "", "gone.png", "a.PNG\0.png"])
def test_nothing_outside_the_pool_is_opened(photos: Path, picture: Make, item_id: str) -> None:
    picture(photos.parent / "secret.png", 3)
    with pytest.raises(UnknownItemError):
        FolderPool(str(photos)).load(item_id)


def test_a_broken_picture_is_named_and_the_others_load(photos: Path) -> None:
    broken = photos / "b" / "img9.jpg"
    broken.write_bytes(broken.read_bytes()[:200])
    pool = FolderPool(str(photos))
    with pytest.raises(PoolError, match=r"b/img9\.jpg"):
        pool.load("b/img9.jpg")
    assert pool.load("a.PNG").shape == (16, 24, 3)


def test_missing_empty_and_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="no such folder"):
        FolderPool(str(tmp_path / "none")).ids()
    with pytest.raises(PoolError, match="no pictures"):
        FolderPool(str(tmp_path)).ids()
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(PoolError, match="no such folder"):
        FolderPool(str(tmp_path / "x.txt")).ids()


def test_fingerprint_sees_names_and_sizes_but_no_times(photos: Path, picture: Make) -> None:
    before = FolderPool(str(photos)).fingerprint()
    (photos / "a.PNG").touch()
    (photos / "notes.txt").write_text("changed")
    assert FolderPool(str(photos)).fingerprint() == before
    (photos / "a.PNG").rename(photos / "a2.PNG")
    assert FolderPool(str(photos)).fingerprint() != before
    (photos / "a2.PNG").rename(photos / "a.PNG")
    with (photos / "a.PNG").open("ab") as file:
        file.write(b"\0")
    assert FolderPool(str(photos)).fingerprint() != before


def test_extend_takes_only_the_folder_itself(photos: Path, tmp_path: Path, picture: Make) -> None:
    pool = FolderPool(str(photos))
    pool.ids()
    picture(photos / "b" / "img2.png", 7)
    assert list(pool.extend(photos)) == ["b/img2.png"]
    assert list(pool.extend(None)) == []
    with pytest.raises(UsageError, match="Copy the new files"):
        pool.extend(tmp_path)


def test_a_name_that_is_not_utf8_is_refused(photos: Path) -> None:
    try:
        (photos / b"caf\xe9.png".decode("utf-8", "surrogateescape")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes no such name")
    with pytest.raises(PoolError, match="UTF-8"):
        FolderPool(str(photos)).ids()


@pytest.mark.slow
def test_a_hundred_thousand_files_are_listed_in_seconds(tmp_path: Path) -> None:
    for folder in range(100):
        (tmp_path / f"{folder:02d}").mkdir()
        for row in range(1000):
            (tmp_path / f"{folder:02d}" / f"{row}.jpg").touch()
    began = time.perf_counter()
    assert len(FolderPool(str(tmp_path))) == 100_000
    assert time.perf_counter() - began < 6.0  # under 1 s alone on a two-core machine
