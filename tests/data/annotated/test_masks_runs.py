"""Runs and polygons against the plainest code that does the same."""

from __future__ import annotations

import numpy as np
import pytest
from annotated_miniatures import packed
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from querist.core.errors import PoolError
from querist.data.annotated.masks import counts_of, filled, map_of, map_value
from querist.tasks.instance.rle import to_counts, to_mask

MASKS = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(lambda shape: arrays(bool, shape))


@given(MASKS)
def test_masks_round_trip_and_begin_with_zeros(mask: np.ndarray) -> None:
    value = to_counts(mask)
    assert np.array_equal(to_mask(value), mask)
    counts, flat = [0], mask.T.ravel().tolist()
    for place, one in enumerate(flat):
        if one != (len(counts) % 2 == 0):
            counts.append(0)
        counts[-1] += 1
        assert place < len(flat)
    assert value == {"size": list(mask.shape), "counts": counts}


@given(arrays(np.int64, (3, 4), elements=st.sampled_from([0, 1, 255])))
def test_class_maps_round_trip_row_by_row(indices: np.ndarray) -> None:
    names = {0: "sky", 1: "sea", 255: None}
    value = map_value(indices, names)
    assert np.array_equal(map_of(value, {name: index for index, name in names.items()}), indices)
    assert [name for name, length in value["runs"] for _ in range(length)] == [names[index] for index in indices.ravel().tolist()]
    assert all(left[0] != right[0] for left, right in zip(value["runs"], value["runs"][1:], strict=False))


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=8))
def test_packed_run_lengths_are_read(counts: list[int]) -> None:
    assert counts_of(packed(counts), "here") == counts


def test_a_packed_text_as_the_common_tool_writes_it() -> None:
    assert counts_of("52203", "here") == [5, 2, 2, 2, 5]


@pytest.mark.parametrize("text", ["P", "5 2", "5\u20ac", "O"])
def test_broken_packed_texts_are_refused(text: str) -> None:
    with pytest.raises(PoolError, match="here"):
        counts_of(text, "here")


def inside(x: float, y: float, polygon: list[float]) -> bool:
    corners = list(zip(polygon[0::2], polygon[1::2], strict=True))
    odd = False
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
        if (y1 <= y) != (y2 <= y) and x1 + (y - y1) / (y2 - y1) * (x2 - x1) <= x:
            odd = not odd
    return odd


@given(st.lists(st.floats(-2, 9, width=16), min_size=6, max_size=12).filter(lambda corners: len(corners) % 2 == 0))
def test_a_polygon_holds_the_pixels_whose_centre_is_inside(polygon: list[float]) -> None:
    wanted = [[inside(x + 0.5, y + 0.5, polygon) for x in range(7)] for y in range(6)]
    assert np.array_equal(filled([polygon], (6, 7)), wanted)


def test_polygons_side_by_side_share_no_pixel_and_leave_none() -> None:
    left, right = [0, 0, 3.5, 0, 3.5, 4, 0, 4], [3.5, 0, 7, 0, 7, 4, 3.5, 4]
    one, other = filled([left], (4, 7)), filled([right], (4, 7))
    assert not (one & other).any() and (one | other).all()
