from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from querist.core.errors import PoolError
from querist.data.images import is_image_name, read_image

Image = pytest.importorskip("PIL.Image")


def test_pixels_are_exactly_those_of_the_file(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    Image.fromarray(rgb).save(tmp_path / "a.png")
    Image.fromarray(rgb[..., 0]).save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", "a"), rgb)
    np.testing.assert_array_equal(read_image(tmp_path / "b.png", "b"), rgb[..., 0])
    np.testing.assert_array_equal(read_image((tmp_path / "a.png").read_bytes(), "a"), rgb)


def test_a_photo_is_turned_upright(tmp_path: Path) -> None:
    rgb = np.zeros((4, 6, 3), dtype=np.uint8)
    image = Image.fromarray(rgb)
    exif = image.getexif()
    exif[0x0112] = 6  # rotate by 90 degrees
    image.save(tmp_path / "a.png", exif=exif)
    assert read_image(tmp_path / "a.png", "a").shape == (6, 4, 3)


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    rgba = np.zeros((2, 2, 4), dtype=np.uint8)
    rgba[0, 0, 3] = 255
    Image.fromarray(rgba).save(tmp_path / "a.png")
    found = read_image(tmp_path / "a.png", "a")
    assert found[0, 0].tolist() == [0, 0, 0]
    assert found[1, 1].tolist() == [255, 255, 255]


def test_sixteen_bits_keep_their_scale(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 256, 65535]], dtype=np.uint16)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png", "a").tolist() == [[0, 1, 255]]


def test_palettes_and_bits_become_pixels(tmp_path: Path) -> None:
    Image.new("P", (3, 2)).save(tmp_path / "a.gif")
    Image.new("1", (3, 2), 1).save(tmp_path / "b.png")
    assert read_image(tmp_path / "a.gif", "a").shape in ((2, 3), (2, 3, 3))
    assert read_image(tmp_path / "b.png", "b").tolist() == [[255] * 3] * 2


def test_a_broken_picture_is_named(tmp_path: Path, picture: Callable[..., Path]) -> None:
    whole = picture(tmp_path / "a.jpg", 0, size=(64, 64)).read_bytes()
    for content in (b"", b"junk", whole[: len(whole) // 2]):
        (tmp_path / "cut.jpg").write_bytes(content)
        with pytest.raises(PoolError, match=r"cut\.jpg"):
            read_image(tmp_path / "cut.jpg", "cut.jpg")


def test_names_of_pictures() -> None:
    assert all(map(is_image_name, ("a.png", "b.JPG", "c/d.x.jpeg", "e.tiff", "f.webp")))
    assert not any(map(is_image_name, ("png", "a.txt", "b.png.zip", "", "c.")))


def test_bytes_may_come_from_memory() -> None:
    buffer = io.BytesIO()
    Image.new("L", (4, 3), 9).save(buffer, "PNG")
    assert read_image(buffer.getvalue(), "x").tolist() == [[9] * 4] * 3
