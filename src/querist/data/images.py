"""Pictures as uint8 arrays: (h, w) for grey ones, (h, w, 3) for the rest."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from querist.core.errors import PoolError
from querist.core.optional import require

EXTENSIONS: Final = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff"})

_ORIENTATION, _LYING = 0x0112, (5, 6, 7, 8)
"""EXIF's tag, and its values that swap the sides."""


def is_image_name(name: str) -> bool:
    """Whether a file name ends like a picture."""
    return name[name.rfind(".") :].lower() in EXTENSIONS if "." in name else False


def read_image(source: Path | bytes, name: str) -> NDArray[np.uint8]:
    """Decode one picture, upright as its EXIF orientation says.

    Args:
        source: A file, or its bytes.
        name: What to call it in messages.

    Raises:
        PoolError: if it is missing, broken or cut off.
    """
    image_module = require("PIL.Image", by="reading pictures")
    require("PIL.ImageOps", by="reading pictures")
    try:
        with image_module.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            image.load()
            return pixels(image)
    except Exception as error:  # decoders raise nearly anything on broken files, and one file must never stop a round
        raise PoolError(f"cannot read the image {name!r}: {error}", hint="Replace the file or leave it out.") from error


def image_size(source: Path, name: str) -> tuple[int, int]:
    """Height and width of a picture, upright, from its header alone.

    Raises:
        PoolError: if it is missing or no picture.
    """
    image_module = require("PIL.Image", by="reading pictures")
    try:
        with image_module.open(source) as image:
            lies = image.getexif().get(_ORIENTATION, 1) in _LYING
            width, height = image.size
    except Exception as error:  # as read_image
        raise PoolError(f"cannot read the image {name!r}: {error}", hint="Replace the file or leave it out.") from error
    return (width, height) if lies else (height, width)


def pixels(image: Any) -> NDArray[np.uint8]:
    """The pixels of a Pillow image: upright, 8 bits, transparent parts on white."""
    pil = require("PIL", by="reading pictures")
    image = require("PIL.ImageOps", by="reading pictures").exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits a pixel
        return (np.asarray(image) >> 8).clip(0, 255).astype(np.uint8)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        opaque = image.convert("RGBA")
        image = pil.Image.alpha_composite(pil.Image.new("RGBA", opaque.size, "white"), opaque).convert("RGB")
    return np.array(image.convert("L" if image.mode in ("1", "L", "F") else "RGB"), dtype=np.uint8)
