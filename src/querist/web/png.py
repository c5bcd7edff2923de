"""Arrays as PNG files with the standard library alone, so that pixels can be shown where no imaging package is installed."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_COLOUR: Final = {1: 0, 3: 2, 4: 6}  # channels → colour type of the format


def as_pixels(array: NDArray[Any]) -> NDArray[np.uint8] | None:
    """An array as 8-bit pixels (h, w, ch) with 1, 3 or 4 channels; None if it does not look like a picture.

    Args:
        array: (h, w), (h, w, ch) or (ch, h, w). Floats within [0, 1] and bytes keep their scale; anything else is stretched
            from its smallest to its largest value.
    """
    if array.ndim == 2:
        array = array[:, :, None]
    elif array.ndim == 3 and array.shape[2] not in _COLOUR and array.shape[0] in _COLOUR:
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[2] not in _COLOUR or array.size == 0 or array.dtype.kind not in "buif":
        return None
    if array.dtype == np.uint8:
        return array
    values = np.nan_to_num(array.astype(np.float64))
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        low, high = (0.0, 255.0) if array.dtype.kind in "ui" and 16 < high <= 255 and low >= 0 else (low, high)
        values = (values - low) / ((high - low) or 1.0)
    return np.rint(values * 255).astype(np.uint8)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of 8-bit pixels (h, w, ch), ch 1 (grey), 3 (RGB) or 4 (RGBA)."""
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR[channels], 0, 0, 0)
    rows = np.zeros((height, 1 + width * channels), dtype=np.uint8)  # each row begins with its filter, 0: none
    rows[:, 1:] = pixels.reshape(height, -1)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
