"""What can be seen of an item: tokens, grids, and boxes in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from querist.core.looks import Look
from querist.data.arrays import ArrayPool
from querist.data.folders import FolderPool

pytestmark = pytest.mark.torchless


def test_grids_of_arrays() -> None:
    assert Look(ArrayPool(np.zeros((1, 4, 6)), ["a"]), "a").grids(2) == [(4, 6)]
    assert Look(ArrayPool(np.zeros((1, 4, 6, 3)), ["a"]), "a").grids(2) == [(4, 6), (6, 3)]
    assert Look(ArrayPool(np.zeros((1, 1, 5, 4, 6)), ["a"]), "a").grids(3) == [(1, 5, 4), (5, 4, 6)]
    assert Look(ArrayPool(np.zeros((1, 7)), ["a"]), "a").grids(2) == []
    assert Look(ArrayPool(np.zeros((1, 7)), ["a"]), "b").grids(2) == [], "no such item: the store says so"


def test_tokens_of_texts() -> None:
    texts = ArrayPool(np.array(["a b  c", ""]), ["x", "y"])
    assert (Look(texts, "x").tokens, Look(texts, "y").tokens, Look(texts, "z").tokens) == (3, 0, None)
    assert Look(ArrayPool(np.zeros((1, 7)), ["a"]), "a").tokens is None


def test_boxes_lie_in_a_grid() -> None:
    look = Look(ArrayPool(np.zeros((1, 4, 6)), ["a"]), "a")
    assert look.holds([0, 0, 6, 4]) and look.holds([-1, 0, 7, 5]) and not look.holds([0, 0, 4, 6]) and not look.holds([-2, 0, 6, 4])
    solid = Look(ArrayPool(np.zeros((1, 5, 4, 6)), ["a"]), "a")
    assert solid.holds([0, 0, 0, 6, 4, 5]) and not solid.holds([0, 0, 0, 5, 4, 8])
    assert Look(ArrayPool(np.zeros((1, 7)), ["a"]), "a").holds([0, 0, 99, 99]), "nothing is known"


def test_a_picture_is_measured_by_its_header_upright(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    picture = image.fromarray(np.zeros((4, 6), dtype=np.uint8))
    picture.save(tmp_path / "flat.png")
    exif = image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.jpg", exif=exif)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    pool = FolderPool(str(tmp_path))
    for name in ("flat.png", "turned.jpg"):
        assert Look(pool, name).shape == pool.load(name).shape[:2]
    assert pool.size("turned.jpg") == (6, 4)
    assert Look(pool, "broken.png").shape is None
