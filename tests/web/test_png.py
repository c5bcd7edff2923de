"""Our PNG files against Pillow's reading of them, and which arrays are pictures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from querist.web.content import content, rendered
from querist.web.png import as_pixels, png

image_module = pytest.importorskip("PIL.Image")


@given(st.sampled_from([1, 3, 4]).flatmap(lambda ch: arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(ch)))))
def test_pillow_reads_the_same_pixels(pixels: np.ndarray) -> None:
    with image_module.open(io.BytesIO(png(pixels))) as image:
        image.load()
        assert np.array_equal(np.asarray(image).reshape(pixels.shape), pixels)


@pytest.mark.parametrize("shape", [(8, 9), (8, 9, 1), (8, 9, 3), (3, 8, 9), (1, 8, 9)])
def test_pictures_of_either_order(shape: tuple[int, ...]) -> None:
    made = as_pixels(np.random.default_rng(0).random(shape))
    assert made is not None
    assert made.shape[:2] == (8, 9)


@pytest.mark.parametrize("shape", [(8,), (2, 2, 2, 2), (8, 9, 5), (0, 4), ()])
def test_what_is_no_picture(shape: tuple[int, ...]) -> None:
    assert as_pixels(np.zeros(shape)) is None


def test_scales() -> None:
    assert as_pixels(np.array([[0.0, 0.5, 1.0]]))[0, :, 0].tolist() == [0, 128, 255]  # type: ignore[index]
    assert as_pixels(np.array([[0, 8, 16]]))[0, :, 0].tolist() == [0, 128, 255]  # type: ignore[index]
    assert as_pixels(np.array([[-1.0, 0.0, 1.0]]))[0, :, 0].tolist() == [0, 128, 255]  # type: ignore[index]
    assert as_pixels(np.array([[np.nan, 1.0]]))[0, :, 0].tolist() == [0, 255]  # type: ignore[index]
    assert as_pixels(np.array([[0, 100, 200]]))[0, :, 0].tolist() == [0, 100, 200]  # type: ignore[index]


def test_numbers_are_shown_as_text_and_not_without_end() -> None:
    assert rendered(np.array([1.5, 2.0])).body == b"1.5, 2"
    assert rendered(np.arange(1000)).body.endswith("… (1000 numbers)".encode())


class Parts:
    """A pool of mappings."""

    def load(self, item_id: str) -> dict[str, object]:
        return {"text": f"about {item_id}", "image": np.zeros((4, 4), dtype=np.uint8)}


def test_an_item_of_parts() -> None:
    assert content(Parts(), "x").body == b'{"parts": ["text", "image"]}'  # type: ignore[arg-type]
    assert content(Parts(), "x", "text").body == b"about x"  # type: ignore[arg-type]
    assert content(Parts(), "x", "image").media == "image/png"  # type: ignore[arg-type]
